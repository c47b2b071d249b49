/**
 * One ONVIF device is asked for its profiles: its answers are read in a process of their own, which may end at any time. The question comes as
 * JSON by stdin, the answer goes as JSON to stdout.
 */
import { type ClientRequestArgs, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { Cam } from 'onvif'
import { InputError, messageOf, PainlensError } from '../core/errors.js'
import { plainFingerprint } from '../core/fingerprint.js'
import type { DeviceQuestion } from './discovery.js'

const mostBytes = 2 * 1024 * 1024
const requestMs = 5000
const mostProfiles = 12

type Connected = (error: Error | null, stream: Duplex) => void

/** Goes to that address alone, whatever an answer names, and takes so much at most. */
class Bounds {
  readonly #address: string
  #bytes = 0

  constructor(address: string) {
    this.#address = address
  }

  /** @throws InputError for another address */
  refuseOther({ host }: ClientRequestArgs): void {
    if (host !== this.#address) throw new InputError('PL-ONVIF-ADDRESS', 'another address', this.#address)
  }

  count(socket: Duplex | null | undefined): void {
    socket?.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length
      if (this.#bytes > mostBytes) process.exit(3)
    })
  }
}

class PlainAgent extends HttpAgent {
  readonly #bounds: Bounds

  constructor(bounds: Bounds) {
    super({ keepAlive: false, maxSockets: 2 })
    this.#bounds = bounds
  }

  override createConnection(options: ClientRequestArgs, callback?: Connected): Duplex | null | undefined {
    this.#bounds.refuseOther(options)
    const socket = super.createConnection(options, callback)
    this.#bounds.count(socket)
    return socket
  }
}

/** Hands on a connection once its certificate has been verified: nothing is written before. */
class VerifyingAgent extends HttpsAgent {
  readonly #bounds: Bounds
  readonly #fingerprints: ReadonlySet<string>

  constructor(bounds: Bounds, fingerprints: readonly string[]) {
    super({ keepAlive: false, maxSockets: 2 })
    this.#bounds = bounds
    this.#fingerprints = new Set(fingerprints.map(plainFingerprint))
  }

  override createConnection(options: ClientRequestArgs, callback?: Connected): undefined {
    this.#bounds.refuseOther(options)
    const { host, port } = options
    const socket = connectTls({ host: host!, port: Number(port), servername: '', rejectUnauthorized: false })
    const done = (error: Error | null): void => callback?.(error, socket)
    socket.once('error', done)
    socket.once('secureConnect', () => {
      socket.off('error', done)
      const error = this.#distrust(socket)
      if (error) socket.destroy()
      else this.#bounds.count(socket)
      done(error)
    })
  }

  #distrust(socket: TLSSocket): InputError | null {
    const found = socket.getPeerX509Certificate()?.fingerprint256 ?? ''
    if (socket.authorized || this.#fingerprints.has(plainFingerprint(found))) return null
    return new InputError('PL-ONVIF-CERTIFICATE', found, 'its certificate')
  }
}

type Ask = (done: (error: unknown, value?: unknown) => void) => void

const asked = (ask: Ask): Promise<unknown> =>
  new Promise((resolve, reject) => ask((error, value) => (error ? reject(error) : resolve(value))))

async function answer({ address, service, user, password, fingerprints }: DeviceQuestion): Promise<object> {
  const { protocol, port, pathname } = new URL(service)
  const useSecure = protocol === 'https:'
  const bounds = new Bounds(address)
  const agent = useSecure ? new VerifyingAgent(bounds, fingerprints) : new PlainAgent(bounds)
  const login = user === null ? {} : { username: user, password: password ?? '' }
  const place = { hostname: address, port: Number(port || (useSecure ? 443 : 80)), path: pathname }
  const about = { ...place, ...login, useSecure, timeout: requestMs }
  const camera = new Cam({ ...about, autoconnect: false, preserveAddress: true, agent })
  let warning: string | null = null
  let refused = false
  camera.on('warning', (said: unknown) => {
    warning = String(said)
  })
  // The library forgets it where the first question is refused.
  camera.on('rawResponse', (said: string, status: number) => {
    refused ||= status === 401 || /not\s?authorized|unauthorized/i.test(said)
  })
  await asked((done) => camera.connect(done)).catch((error: unknown) => {
    throw refused ? new InputError('PL-ONVIF-LOGIN', 'it refuses', address) : error
  })
  const device = await asked((done) => camera.getDeviceInformation(done)).catch(() => null)
  const profiles: object[] = []
  for (const profile of ((camera.profiles ?? []) as object[]).slice(0, mostProfiles)) {
    const { token } = (profile as { $?: { token?: unknown } }).$ ?? {}
    const options = { protocol: 'RTSP', profileToken: String(token) } as const
    const stream = await asked((done) => camera.getStreamUri(options, done)).catch(() => null)
    profiles.push({ profile, stream })
  }
  return { device, profiles, problem: profiles.length === 0 ? warning : null }
}

const failure = (error: unknown) => ({
  problem: error instanceof PainlensError ? error.what : messageOf(error),
  code: error instanceof PainlensError ? error.code : null
})

function end(told: object): void {
  process.stdout.write(JSON.stringify(told), () => process.exit(0))
}

process.on('uncaughtException', (error) => end(failure(error)))
process.on('unhandledRejection', (error) => end(failure(error)))
end(await answer(JSON.parse(await text(process.stdin)) as DeviceQuestion).catch(failure))
