/** Finds cameras by ONVIF, with their profiles and the addresses of their streams. Answers are a stranger's: bounded, checked, and read elsewhere. */
import { spawn } from 'node:child_process'
import { z } from 'zod'
import { type ErrorCode, fixOf } from '../core/error-codes/index.js'
import { fingerprintPattern } from '../core/fingerprint.js'
import { printable } from '../core/printable.js'
import { workerScript } from '../core/worker.js'
import { type Answered, type DeviceQuestion, discover, everyInterface, type ProbeTarget } from './discovery.js'

export type { ProbeTarget } from './discovery.js'

export interface FoundProfile {
  name: string
  width: number | null
  height: number | null
  fps: number | null
  codec: string | null
  /** For a camera's `url`, without a password; null where the device gives none at its own address. */
  url: string | null
}

export interface FoundCamera {
  address: string
  /** Manufacturer and model, as it says; null where it says neither. */
  name: string | null
  profiles: FoundProfile[]
  problem: { code: ErrorCode; message: string; fix: string } | null
}

export interface FindOptions {
  /** Sent to devices that have answered, at the address that they answered from; as a digest. */
  user: string | null
  password: string | null
  /** SHA-256 of certificates to trust beside those of known authorities: 64 hexadecimal digits each, with or without colons. */
  fingerprints: readonly string[]
  signal: AbortSignal
  /** Where to ask; every interface of this machine unless given. */
  targets?: readonly ProbeTarget[]
  /** How long to wait for answers to the first question, and to each further one; in ms. */
  listenMs?: number
  deviceMs?: number
}

const defaults = { listenMs: 4000, deviceMs: 15_000 }
const atOnce = 4
/** Of a child, in bytes and MB. */
const limits = { answerBytes: 256 * 1024, heapMb: 64 }

/** @returns what has answered, by address; never throws but the signal's reason */
export async function findCameras(options: FindOptions): Promise<FoundCamera[]> {
  const { signal, targets = everyInterface(), listenMs = defaults.listenMs } = options
  const answered = await discover(targets, listenMs, signal)
  signal.throwIfAborted()
  const waiting = answered.entries()
  const found: FoundCamera[] = []
  const askNext = async (): Promise<void> => {
    for (const [i, device] of waiting) {
      if (signal.aborted) return
      found[i] = await ask(device, options)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, askNext))
  signal.throwIfAborted()
  return found.sort((a, b) => a.address.localeCompare(b.address, 'en', { numeric: true }))
}

async function ask({ address, service }: Answered, options: FindOptions): Promise<FoundCamera> {
  const nothing = { address, name: null, profiles: [] }
  if (service === null)
    return { ...nothing, problem: problem('PL-ONVIF-ADDRESS', 'names a service at another address only') }
  const { user, password, fingerprints, signal, deviceMs = defaults.deviceMs } = options
  const text = await childAnswer({ address, service, user, password, fingerprints }, deviceMs, signal)
  const answer = text === null ? null : read(text)
  if (!answer) return { ...nothing, problem: problem('PL-ONVIF-ANSWER', 'gives no answer that can be read') }
  const name = [answer.device?.manufacturer, answer.device?.model].filter((one) => one != null).join(' ')
  return {
    ...{ address, name: name === '' ? null : printable(name) },
    profiles: answer.profiles.map(({ profile, stream }) => profileOf(profile, stream?.uri ?? null, address)),
    problem: answer.problem === null ? null : refusalOf(answer.problem, answer.code ?? null)
  }
}

/** @returns what the child has said; null where it says too much, takes too long or ends without a word */
function childAnswer(question: DeviceQuestion, ms: number, signal: AbortSignal): Promise<string | null> {
  const args = [`--max-old-space-size=${limits.heapMb}`, workerScript(import.meta.url, './child.js')]
  const child = spawn(process.execPath, args, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'ignore'] })
  const kill = (): void => void child.kill('SIGKILL')
  const timer = setTimeout(kill, ms)
  signal.addEventListener('abort', kill)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    if (text.length > limits.answerBytes) kill()
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(JSON.stringify(question))
  return new Promise((resolve) => {
    const end = (isWhole: boolean): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
      resolve(isWhole ? text : null)
    }
    child.on('error', () => end(false))
    child.on('close', (code) => end(code === 0))
  })
}

const word = z
  .union([z.string(), z.number()])
  .transform((said) => String(said).slice(0, 100))
  .nullish()
  .catch(null)
const amount = z.number().min(1).max(100_000).nullish().catch(null)
const part = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).nullish().catch(null)

const answerSchema = z.object({
  device: part({ manufacturer: word, model: word }),
  profiles: z
    .array(
      z.object({
        profile: part({
          name: word,
          videoEncoderConfiguration: part({
            encoding: word,
            resolution: part({ width: amount, height: amount }),
            rateControl: part({ frameRateLimit: amount })
          })
        }),
        stream: part({ uri: z.string().max(1000).nullish().catch(null) })
      })
    )
    .max(12)
    .catch([]),
  problem: z.string().nullish().default(null),
  code: z.enum(['PL-ONVIF-LOGIN', 'PL-ONVIF-ADDRESS', 'PL-ONVIF-CERTIFICATE']).nullish().catch(null)
})
type Answer = z.infer<typeof answerSchema>

function read(text: string): (Answer & { problem: string | null }) | null {
  try {
    const { data } = answerSchema.safeParse(JSON.parse(text))
    return data ? { ...data, problem: data.problem ?? null } : null
  } catch {
    return null
  }
}

function profileOf(profile: Answer['profiles'][number]['profile'], uri: string | null, address: string): FoundProfile {
  const { encoding, resolution, rateControl } = profile?.videoEncoderConfiguration ?? {}
  return {
    name: printable(profile?.name ?? '?'),
    width: resolution?.width ?? null,
    height: resolution?.height ?? null,
    fps: rateControl?.frameRateLimit ?? null,
    codec: encoding == null ? null : printable(encoding),
    url: uri === null ? null : streamUrl(uri, address)
  }
}

/** Some cameras put passwords into the path. */
const secretInUrl = /((?:user(?:name)?|pass(?:word|wd)?|pwd|auth)=)[^&/?_]*/gi

/** @returns null unless it is a stream at that address */
export function streamUrl(uri: string, address: string): string | null {
  if (!URL.canParse(uri)) return null
  const url = new URL(uri)
  if (!/^rtsps?:$/.test(url.protocol) || url.hostname !== address) return null
  url.username = ''
  url.password = ''
  return printable(url.href.replace(secretInUrl, '$1***'))
}

/** @param code where the child knows it */
function refusalOf(said: string, code: ErrorCode | null): FoundCamera['problem'] {
  if (code === 'PL-ONVIF-CERTIFICATE') {
    const fingerprint = fingerprintPattern.test(said) ? said : 'none'
    return problem(code, `has a certificate that is not trusted; fingerprint: "${fingerprint}"`)
  }
  if (code === 'PL-ONVIF-LOGIN' || /auth|401|password|sender/i.test(said))
    return problem('PL-ONVIF-LOGIN', 'asks for a login, or refuses this one')
  if (code === 'PL-ONVIF-ADDRESS') return problem(code, 'sends on to another address')
  return problem('PL-ONVIF-ANSWER', `gives no answer that can be read (${printable(said.slice(0, 100))})`)
}

const problem = (code: ErrorCode, message: string) => ({ code, message, fix: fixOf(code) })
