import { jsonSchema } from '../../config/index.js'
import type { SchemaNode } from '../../core/allowed.js'
import { type Answers, type CameraAnswer, type Secret, stores } from './answers.js'

/** Sections that are shown with their defaults, commented out. */
const sections = ['inference', 'alarm', 'privacy', 'log'] as const

/** The config file's text, and the passwords that are not in it. */
export function configText(answers: Answers, command: string): { text: string; secrets: Secret[] } {
  const secrets: Secret[] = []
  const keep = (name: string, value: string | null): string => {
    const secret = { name, value }
    secrets.push(secret)
    return stores[answers.store].reference(secret)
  }
  const { device, facility, broker, cameras } = answers
  const lines = [
    `# painlens's config. After a change: ${command}`,
    '# Every key, with what is allowed and its default, is in docs/operate/config.md of the installation.',
    '',
    "# This box's name: its MQTT topics begin with painlens/ and this.",
    `device: ${scalar(device)}`,
    '# The care home, for the text of alarms.',
    facility === null ? '# facility: Haus am See' : `facility: ${scalar(facility)}`,
    '',
    '# The broker that the nurse call system listens to. mqtts:// is encrypted, and should be where a password is used.',
    'mqtt:',
    `  url: ${scalar(broker.url)}`,
    ...(broker.user === null
      ? ['  # username: painlens', `  # password: \${credential:mqtt-password}`]
      : [`  username: ${scalar(broker.user)}`, `  password: ${scalar(keep('mqtt-password', broker.password))}`]),
    '',
    'cameras:',
    ...cameras.flatMap((camera) => cameraLines(camera, answers.store === 'plain', keep)),
    '',
    '# The classifier. Without this section it is the demonstration model, which must not be used for residents.',
    '# model:',
    '#   manifest: /etc/painlens/models/vgg-face-pain.yaml',
    '',
    '# What follows are the defaults; take the # away to change one.',
    ...sections.flatMap(sectionLines)
  ]
  return { text: `${lines.join('\n')}\n`, secrets }
}

function cameraLines(
  camera: CameraAnswer,
  plain: boolean,
  keep: (name: string, value: string | null) => string
): string[] {
  const { id, url, user, password, ward, room, bed } = camera
  const place = Object.entries({ ward, room, bed }).filter((entry): entry is [string, string] => entry[1] !== null)
  const shownPlace = place.map(([key, value]) => `${key}: ${scalar(value)}`).join(', ')
  return [
    `  - id: ${scalar(id)}`,
    `    url: ${scalar(withLogin(url, user, user && kept(keep(`camera-${id}`, password), plain)))}`,
    shownPlace
      ? `    location: { ${shownPlace} }`
      : '    # Where it looks; goes into each alarm.\n    # location: { ward: Ward 3, room: "312", bed: A }',
    '    # Pictures a second that are looked at.',
    '    fps: 5',
    '    # These areas are black in every picture that painlens analyses. Corners [x, y] from [0, 0] top left to [1, 1].',
    '    # masks: [[[0.8, 0], [1, 0], [1, 0.6], [0.8, 0.6]]]'
  ]
}

/** References are encoded when they are filled in; a password in the URL has to be encoded here. */
const kept = (text: string, plain: boolean): string => (plain ? encodeURIComponent(text) : text)

function withLogin(url: string, user: string | null, password: string | null): string {
  if (user === null) return url
  return url.replace('://', () => `://${encodeURIComponent(user)}:${password ?? ''}@`)
}

/** Quoted unless it is a plain word or URL that YAML takes for text. */
function scalar(text: string): string {
  const isPlain =
    /^[A-Za-z][\w./-]*(:\/\/[\w./:-]+)?$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
  return isPlain ? text : JSON.stringify(text)
}

function sectionLines(name: (typeof sections)[number]): string[] {
  const node = jsonSchema.properties![name]!
  const rows = Object.entries(node.properties ?? {}).filter(([, child]) => isSimple(child))
  return [
    '',
    `# ${node.description}`,
    `# ${name}:`,
    ...rows.flatMap(([key, child]) => [`#   # ${child.description}`, `#   ${key}: ${shownDefault(child)}`])
  ]
}

const shownDefault = ({ default: value }: SchemaNode): string =>
  typeof value === 'string' ? scalar(value) : JSON.stringify(value)

const isSimple = ({ type, default: value }: SchemaNode): boolean =>
  type !== 'object' && type !== 'array' && value !== undefined && value !== null
