/**
 * One ONVIF device is asked for its profiles: its answers are read in a process of their own, which may end at any time. The question comes as
 * JSON by stdin, the answer goes as JSON to stdout.
 */
import { Agent, type ClientRequestArgs } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Cam } from 'onvif'
import { InputError, messageOf, PainlensError } from '../core/errors.js'
import type { DeviceQuestion } from './discovery.js'

const mostBytes = 2 * 1024 * 1024
const requestMs = 5000
const mostProfiles = 12

/** Goes to that address alone, whatever an answer names, and takes so much at most. */
class BoundedAgent extends Agent {
  readonly #address: string
  #bytes = 0

  constructor(address: string) {
    super({ keepAlive: false, maxSockets: 2 })
    this.#address = address
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void
  ): Duplex | null | undefined {
    const { host } = options
    if (host !== this.#address) throw new InputError('PL-ONVIF-ADDRESS', 'another address', this.#address)
    const socket = super.createConnection(options, callback)
    socket?.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length
      if (this.#bytes > mostBytes) process.exit(3)
    })
    return socket
  }
}

type Ask = (done: (error: unknown, value?: unknown) => void) => void

const asked = (ask: Ask): Promise<unknown> =>
  new Promise((resolve, reject) => ask((error, value) => (error ? reject(error) : resolve(value))))

async function answer({ address, service, user, password }: DeviceQuestion): Promise<object> {
  const { port, pathname } = new URL(service)
  const login = user === null ? {} : { username: user, password: password ?? '' }
  const about = { hostname: address, port: Number(port || 80), path: pathname, ...login, timeout: requestMs }
  const camera = new Cam({ ...about, autoconnect: false, preserveAddress: true, agent: new BoundedAgent(address) })
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
  problem: messageOf(error),
  code: error instanceof PainlensError ? error.code : null
})

function end(told: object): void {
  process.stdout.write(JSON.stringify(told), () => process.exit(0))
}

process.on('uncaughtException', (error) => end(failure(error)))
process.on('unhandledRejection', (error) => end(failure(error)))
end(await answer(JSON.parse(await text(process.stdin)) as DeviceQuestion).catch(failure))
