import { readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { acknowledgeableDays } from '#painlens/contract/commands.js'
import { type CommandName, commandNames } from '#painlens/contract/messages.js'
import { commandFile, messageFile } from '#painlens/contract/schemas.js'
import { baseTopic, type Kind, topicOf, topics } from '#painlens/contract/topics.js'
import { packageRoot, version } from '#painlens/core/version.js'
import { examplesOf } from './examples.js'
import { schemaFile } from './message-schemas.js'

/** What a channel or a message is about, in a sentence. */
const about: Record<Kind, string> = {
  status: 'Whether painlens runs; also its last will.',
  health: 'How painlens fares, each 30 s.',
  cameraState: 'What a camera is doing; on each change and after each reconnect.',
  cameraPain: 'Whether pain is suspected in a camera; on each change and after each reconnect.',
  cameraReference: "The resting faces of a camera's beds: since when and by whom, and nothing of what they are.",
  observation: 'The scores of a face, at most once per second and face; for displays and studies, not for alarming.',
  alarm:
    'An alarm starts, continues, ends. At least once, in order per alarm_id; alarm_id and seq identify repetitions.',
  acknowledgement: 'An alarm was acknowledged, during it or after its end; the alarm goes on, or stays ended.',
  explanation: "Why an alarm's strongest frame was taken for pain; some time after the alarm's start.",
  response: 'The answer to a command.'
}

const commands: Record<CommandName, string> = {
  ack: `Acknowledge an alarm, which continues, or one that ended in the last ${acknowledgeableDays} days.`,
  pause: 'Look away during care.',
  resume: 'Look again before the pause is over.',
  test_alarm: 'Try the way to the nurse: a start and an end with test true.',
  refresh: 'Publish every active alarm and every state again.',
  reference: "Take a bed's resting face while its resident is comfortable, or remove it; answered when it is taken."
}

const kinds = Object.keys(topics) as Kind[]
const base = baseTopic('{device}')
const parameters: Record<string, object> = {
  device: { description: '`device` of the config.' },
  camera: { description: '`id` of a camera in the config.' },
  command: { description: 'The command that is answered, even if it does not exist.' }
}
/** What stands in an address for the topic's `+`. */
const placeholders: Partial<Record<Kind, string>> = {
  cameraState: '{camera}',
  cameraPain: '{camera}',
  cameraReference: '{camera}',
  observation: '{camera}',
  response: '{command}'
}

const ref = (place: string): object => ({ $ref: `#/${place}` })

/** The MQTT contract as AsyncAPI 3 (asyncapi.com/docs/reference/specification/v3.0.0), from painlens's point of view. */
export function asyncApi(): string {
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'painlens',
      version,
      description:
        'Alarms, explanations, states and commands of painlens over MQTT 5 or 3.1.1. What the fields mean and how to behave is in docs/integrate/mqtt.md.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' }
    },
    defaultContentType: 'application/json',
    servers: {
      broker: { host: 'broker.example:1883', protocol: 'mqtt', description: '`mqtt.url` of the config.' },
      encrypted: { host: 'broker.example:8883', protocol: 'secure-mqtt', description: 'With an mqtts:// URL.' }
    },
    channels: { ...byKind(publishedChannel), ...byCommand(commandChannel) },
    operations: { ...byKind(publishing), ...byCommand(receiving) },
    components: { messages: { ...byKind(publishedMessage), ...byCommand(commandMessage) } }
  }
  return `# The MQTT contract, for code and documentation generators. \`npm run generate\` writes this file.\n${stringify(document, { lineWidth: 120, aliasDuplicateObjects: false })}`
}

/** As an operation's or a channel's key: `test_alarm` becomes `commandTestAlarm`. */
function keyOf(command: CommandName): string {
  return commandFile(command).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

const byKind = (make: (kind: Kind) => object): object => Object.fromEntries(kinds.map((kind) => [kind, make(kind)]))

const byCommand = (make: (command: CommandName) => object): object =>
  Object.fromEntries(commandNames.map((command) => [keyOf(command), make(command)]))

function channel(address: string, messages: readonly string[]): object {
  const used = Object.keys(parameters).filter((name) => address.includes(`{${name}}`))
  return {
    address,
    messages: Object.fromEntries(messages.map((key) => [key, ref(`components/messages/${key}`)])),
    parameters: Object.fromEntries(used.map((name) => [name, parameters[name]]))
  }
}

const publishedChannel = (kind: Kind): object => channel(topicOf(base, kind, placeholders[kind]), [kind])
const commandChannel = (command: CommandName): object => channel(`${base}/command/${command}`, [keyOf(command)])

function publishing(kind: Kind): object {
  const { qos, retain } = topics[kind]
  return {
    action: 'send',
    channel: ref(`channels/${kind}`),
    summary: about[kind],
    bindings: { mqtt: { qos, retain, bindingVersion: '0.2.0' } }
  }
}

function receiving(command: CommandName): object {
  return {
    action: 'receive',
    channel: ref(`channels/${keyOf(command)}`),
    summary: commands[command],
    bindings: { mqtt: { qos: 1, retain: false, bindingVersion: '0.2.0' } },
    reply: {
      address: {
        description: "MQTT 5's response topic, where the command has one.",
        location: '$message.header#/responseTopic'
      },
      channel: ref('channels/response')
    }
  }
}

const page = readFileSync(`${packageRoot}docs/integrate/mqtt.md`, 'utf8')
const examples = examplesOf(page)

const message = (title: string, summary: string, file: string): object => ({
  name: file,
  title,
  summary,
  contentType: 'application/json',
  payload: { $ref: `./${schemaFile(file)}` },
  examples: examples.filter(({ of }) => of === file).map(({ text }) => ({ payload: JSON.parse(text) as object }))
})

const publishedMessage = (kind: Kind): object => message(kind, about[kind], messageFile(kind))
const commandMessage = (command: CommandName): object => message(command, commands[command], commandFile(command))
