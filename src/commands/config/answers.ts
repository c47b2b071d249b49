import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { schemaAt, splitLoginOff, urlProblem } from '../../config/index.js'
import { allowedBy } from '../../core/allowed.js'
import { UsageError } from '../../core/errors.js'
import type { Prompter } from '../prompter.js'

/** The questions; each may be answered by an option. */
export interface InitOptions {
  /** The file to write. */
  config?: string | undefined
  device?: string
  facility?: string
  broker?: string
  brokerUser?: string
  /** `id=url` each. */
  camera?: string[]
  /** `id=room` each. */
  room?: string[]
  secrets?: string
}

export interface CameraAnswer {
  id: string
  /** Without user name and password. */
  url: string
  user: string | null
  password: string | null
  ward: string | null
  room: string | null
  bed: string | null
}

export interface Answers {
  device: string
  facility: string | null
  broker: { url: string; user: string | null; password: string | null }
  cameras: CameraAnswer[]
  store: StoreName
}

const brokerSchemes = ['mqtt', 'mqtts', 'ws', 'wss']
const cameraSchemes = ['rtsp', 'rtsps', 'http', 'https']
const defaultBroker = 'mqtt://localhost:1883'

/** `192.0.2.2` is enough for a broker. */
const asBroker = (text: string): string => (text.includes('://') ? text : `mqtt://${text}`)

/** The problem of a value, by the config's own schema. */
function fits(path: readonly (string | number)[]): (text: string) => string | null {
  const node = schemaAt(path)!
  return (text) => (new RegExp(node.pattern ?? '').test(text) ? null : `Allowed is ${allowedBy(node)}`)
}
const brokerProblem = (text: string): string | null => urlProblem(asBroker(text), brokerSchemes)
const cameraProblem = (text: string): string | null => urlProblem(text, cameraSchemes)
const deviceProblem = fits(['device'])
const idProblem = fits(['cameras', 0, 'id'])

/**
 * The answers from the options, and from the prompter for the rest.
 * @param prompter null asks nothing: values without a default have to be options
 * @throws UsageError for a wrong or missing option, or if the user cancels
 */
export async function collectAnswers(
  options: InitOptions & { config: string },
  prompter: Prompter | null
): Promise<Answers> {
  const given = checkedOptions(options)
  const asked = async (value: string | undefined, question: Parameters<Prompter['ask']>[0]): Promise<string> =>
    value ?? (prompter ? await prompter.ask(question) : (question.fallback ?? missingAnswer(question.text)))
  const device = await asked(given.device, {
    text: "This box's name, the MQTT topics begin with it",
    fallback: defaultDevice(),
    problem: deviceProblem
  })
  const facility = await asked(given.facility, { text: 'The care home (empty for none)', fallback: '' })
  const url = await asked(given.broker, { text: 'MQTT broker', fallback: defaultBroker, problem: brokerProblem })
  const inUrl = splitLoginOff(asBroker(url))!
  const user =
    inUrl.user ?? (await asked(given.brokerUser, { text: 'User name at the broker (empty for none)', fallback: '' }))
  const store = new StoreChoice(given.secrets, options.config, prompter)
  const password = user === '' ? null : await passwordFor(inUrl.password, store, prompter)
  const cameras =
    given.cameras ?? (prompter ? await promptForCameras(prompter, store) : missingAnswer('a camera (--camera id=url)'))
  return {
    device,
    facility: facility || null,
    broker: { url: inUrl.url, user: user || null, password },
    cameras,
    store: store.name
  }
}

function missingAnswer(what: string): never {
  throw new UsageError('PL-INIT-MISSING', `${what} is missing`, 'painlens config init --yes')
}

/** The host's name without characters that a device name may not have. */
function defaultDevice(): string {
  const name = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 40)
  return deviceProblem(name) === null ? name : 'painlens'
}

/** Where passwords are stored; asked at the first one. Below /etc: credentials, since the service runs as another user. */
class StoreChoice {
  #chosen: StoreName | undefined
  readonly #fallback: StoreName

  constructor(
    given: StoreName | undefined,
    config: string,
    private readonly prompter: Prompter | null
  ) {
    this.#chosen = given
    this.#fallback = `${dirname(config)}/`.startsWith('/etc/') ? 'credential' : 'file'
  }

  get name(): StoreName {
    return this.#chosen ?? this.#fallback
  }

  async ask(): Promise<StoreName> {
    if (this.#chosen || !this.prompter) return this.name
    this.prompter.say(
      '  Passwords stay out of the config: "file" keeps each in a file beside it, "credential" in one that systemd hands to\n  the service, "env" in an environment variable; "plain" writes them into the config for all to read.'
    )
    const answer = await this.prompter.ask({
      text: 'Where passwords go',
      fallback: this.#fallback,
      problem: (text) => (isStore(text) ? null : `Allowed is one of ${storeNames.join(', ')}`)
    })
    this.#chosen = answer as StoreName
    return this.#chosen
  }
}

const isStore = (text: string): text is StoreName => (storeNames as readonly string[]).includes(text)

/** @returns null if the password is set elsewhere */
async function passwordFor(
  given: string | null,
  store: StoreChoice,
  prompter: Prompter | null
): Promise<string | null> {
  const name = await store.ask()
  if (given !== null || !prompter || name === 'env') return given
  return prompter.ask({ text: 'Its password', hidden: true })
}

async function promptForCameras(prompter: Prompter, store: StoreChoice): Promise<CameraAnswer[]> {
  const cameras: CameraAnswer[] = []
  for (;;) {
    const first = cameras.length === 0
    const id = await prompter.ask({
      text: first ? 'First camera, a short name such as room-312' : 'Next camera (empty when that was all)',
      fallback: first ? undefined : '',
      problem: (text) =>
        idProblem(text) ?? (cameras.some((camera) => camera.id === text) ? 'There is one of this name' : null)
    })
    if (id === '') return cameras
    cameras.push(await askCamera(id, prompter, store))
  }
}

async function askCamera(id: string, prompter: Prompter, store: StoreChoice): Promise<CameraAnswer> {
  const text = await prompter.ask({ text: 'Its URL, such as rtsp://192.0.2.10/stream1', problem: cameraProblem })
  const { url, user: inUrl, password: given } = splitLoginOff(text)!
  const user = inUrl ?? (await prompter.ask({ text: 'User name at the camera (empty for none)', fallback: '' }))
  const password = user === '' ? null : await passwordFor(given, store, prompter)
  const place = async (what: string): Promise<string | null> =>
    (await prompter.ask({ text: `${what} (empty for none)`, fallback: '' })) || null
  return {
    id,
    url,
    user: user || null,
    password,
    ward: await place('Ward'),
    room: await place('Room'),
    bed: await place('Bed')
  }
}

interface CheckedOptions {
  device?: string
  facility?: string
  broker?: string
  brokerUser?: string
  cameras?: CameraAnswer[]
  secrets?: StoreName
}

/** Reports every wrong option before the first question. */
function checkedOptions(options: InitOptions): CheckedOptions {
  const { device, facility, broker, brokerUser, secrets } = options
  const check = (flag: string, value: string | undefined, problem: (text: string) => string | null): void => {
    const wrong = value === undefined ? null : problem(value)
    if (wrong !== null) throw new UsageError('PL-INIT-VALUE', wrong, flag)
  }
  check('--device', device, deviceProblem)
  check('--broker', broker, brokerProblem)
  if (secrets !== undefined && !isStore(secrets))
    throw new UsageError('PL-INIT-SECRETS', `"${secrets}" is no place for passwords`, '--secrets', {
      fix: `Allowed is one of ${storeNames.join(', ')}.`
    })
  const rooms = new Map((options.room ?? []).map((text) => pair('--room', text)))
  const cameras = options.camera?.map((text): CameraAnswer => {
    const [id, url] = pair('--camera', text)
    check('--camera', id, idProblem)
    check(`--camera ${id}`, url, cameraProblem)
    const room = rooms.get(id) ?? null
    rooms.delete(id)
    return { id, ...splitLoginOff(url)!, ward: null, room, bed: null }
  })
  for (const id of rooms.keys()) throw new UsageError('PL-INIT-CAMERA', `there is no camera "${id}"`, '--room')
  return { device, facility, broker, brokerUser, cameras, secrets }
}

/** The error does not repeat the value: it may contain a password. */
function pair(flag: string, text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1)
    throw new UsageError('PL-INIT-PAIR', 'an "=" is missing between name and value', flag, {
      fix: `Write ${flag} room-312=….`
    })
  return [text.slice(0, equals), text.slice(equals + 1)]
}

/** Places for passwords outside the config. */
const storeNames = ['file', 'credential', 'env', 'plain'] as const
export type StoreName = (typeof storeNames)[number]

export interface Secret {
  /** `mqtt-password`, `camera-room-312` */
  name: string
  /** Null if only its place is known. */
  value: string | null
}

interface Store {
  /** The reference to the password in the config. */
  reference(secret: Secret): string
  /** The file that painlens config init writes it into, or null. */
  file(secret: Secret, config: string): string | null
  /**
   * Remaining steps for the user, one line per secret.
   * @param handedOver whether install.sh hands credentials to the service
   */
  todo(secret: Secret, config: string, handedOver: boolean): string | null
}

const fileOf = ({ name }: Secret, config: string): string => join(dirname(config), 'secrets', name)
const variableOf = ({ name }: Secret): string => `PAINLENS_${name.replaceAll('-', '_').toUpperCase()}`
const todoIfMissing = (secret: Secret, config: string): string | null =>
  secret.value === null ? `Put the password into ${fileOf(secret, config)}, readable for painlens only.` : null

export const stores: Readonly<Record<StoreName, Store>> = {
  file: {
    reference: ({ name }) => `\${file:secrets/${name}}`,
    file: fileOf,
    todo: todoIfMissing
  },
  credential: {
    reference: ({ name }) => `\${credential:${name}}`,
    file: fileOf,
    todo: (secret, config, handedOver) => {
      const line = handedOver ? null : `In painlens.service: LoadCredential=${secret.name}:${fileOf(secret, config)}`
      return [todoIfMissing(secret, config), line].filter(Boolean).join('\n') || null
    }
  },
  env: {
    reference: (secret) => `\${env:${variableOf(secret)}}`,
    file: () => null,
    todo: (secret) => `Set ${variableOf(secret)} in painlens's environment.`
  },
  plain: {
    reference: ({ value }) => value ?? '',
    file: () => null,
    todo: () => null
  }
}
