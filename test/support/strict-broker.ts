import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet'

export interface StrictBrokerOptions {
  /** Announced in the CONNACK (MQTT 5), and enforced; enforced alone with 3.1.1. Nothing of it if left out. */
  receiveMaximum?: number
  /** How long each PUBACK takes. */
  answerMs?: number
  /** How long each SUBACK takes; as a PUBACK unless given. */
  subackMs?: number
  /** The reason code of a publish's PUBACK; null for none. */
  reason?: (topic: string) => number | null
  /** Whether a subscription is refused, by its topic. */
  refuses?: (topic: string) => boolean
  port?: number
  /** The largest packet in bytes, whether it is announced (MQTT 5), and what a client gets that sends a larger one. */
  largest?: { bytes: number; announced?: boolean; answer: 'disconnect' | 'hang up' | 'puback' | 'nothing' }
}

/** A publish as it came in. */
export interface Arrival {
  topic: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into payloads of every kind.
  json: any
  qos: number
  /** Of the whole packet, in bytes. */
  size: number
  /** How many QoS 1 messages of its connection were unanswered when it came, itself among them. */
  inFlight: number
  /** Of which connection, from 1. */
  connection: number
}

export interface StrictBroker {
  url: string
  port: number
  readonly arrivals: Arrival[]
  on(topic: string): Arrival[]
  connections(): number
  /** How often a client sent more at once than it may and was thrown out. */
  offences(): number
  /** How many packets were too large. */
  oversizes(): number
  /** How each connection ended so far: by a DISCONNECT of the client, or without. */
  readonly ends: ('goodbye' | 'cut')[]
  /** Cuts every line. */
  cut(): void
  stop(): Promise<void>
}

/**
 * A broker that holds its clients to the Receive Maximum as MQTT 5 has it in 3.3.4: one message more at once, and the
 * client gets DISCONNECT 0x93, or with 3.1.1 a hang-up. It delivers no messages; it records those it receives.
 */
export async function startStrictBroker(options: StrictBrokerOptions = {}): Promise<StrictBroker> {
  const {
    receiveMaximum,
    answerMs = 0,
    subackMs = answerMs,
    reason = () => 0,
    refuses = () => false,
    largest
  } = options
  const arrivals: Arrival[] = []
  const ends: ('goodbye' | 'cut')[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let offences = 0
  let oversizes = 0

  const server = createServer((socket) => {
    const connection = ++connections
    const incoming = parser()
    let protocolVersion: 3 | 4 | 5 = 4
    let inFlight = 0
    let isGoodbye = false
    let isThrownOut = false
    const send = (packet: Packet) => {
      if (!socket.destroyed) socket.write(generate(packet, { protocolVersion }))
    }
    const connected = (packet: IConnectPacket) => {
      protocolVersion = packet.protocolVersion as 4 | 5
      const maximumPacketSize = largest?.announced ? largest.bytes : undefined
      const properties = { ...(receiveMaximum && { receiveMaximum }), ...(maximumPacketSize && { maximumPacketSize }) }
      if (protocolVersion === 5) send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties })
      else send({ cmd: 'connack', returnCode: 0, sessionPresent: false })
    }
    const throwOut = () => {
      offences++
      if (protocolVersion === 5) send({ cmd: 'disconnect', reasonCode: 0x93 })
      socket.end()
    }
    const tooLarge = (messageId: number | undefined, answer: string) => {
      oversizes++
      if (answer === 'nothing') return
      if (answer === 'puback') return send({ cmd: 'puback', messageId, reasonCode: 0x95 })
      if (answer === 'disconnect' && protocolVersion === 5) send({ cmd: 'disconnect', reasonCode: 0x95 })
      isThrownOut = true
      socket.end()
    }
    const confirm = async (topic: string, messageId: number | undefined) => {
      const reasonCode = reason(topic)
      if (reasonCode === null) return
      await sleep(answerMs)
      inFlight--
      send(protocolVersion === 5 ? { cmd: 'puback', messageId, reasonCode } : { cmd: 'puback', messageId })
    }
    const published = async (packet: IPublishPacket) => {
      const { topic, payload, qos, messageId, length = 0 } = packet
      if (isThrownOut) return
      const size = sizeOf(length)
      if (largest && size > largest.bytes) return tooLarge(messageId, largest.answer)
      if (qos > 0) inFlight++
      const text = payload.toString()
      arrivals.push({ topic, json: text === '' ? null : JSON.parse(text), qos, size, inFlight, connection })
      if (qos === 0) return
      if (inFlight > (receiveMaximum ?? Number.POSITIVE_INFINITY)) return throwOut()
      await confirm(topic, messageId)
    }
    incoming.on('packet', async (packet: Packet) => {
      if (packet.cmd === 'connect') connected(packet)
      else if (packet.cmd === 'publish') await published(packet)
      else if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' })
      else if (packet.cmd === 'disconnect') isGoodbye = true
      else if (packet.cmd === 'subscribe') {
        await sleep(subackMs)
        const refused = protocolVersion === 5 ? 0x87 : 0x80
        const granted = packet.subscriptions.map(({ topic, qos }) => (refuses(topic) ? refused : qos))
        send({ cmd: 'suback', messageId: packet.messageId, granted })
      }
    })
    sockets.add(socket)
    socket.on('data', (data) => incoming.parse(data))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      ends.push(isGoodbye ? 'goodbye' : 'cut')
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    arrivals,
    on: (topic) => arrivals.filter((arrival) => arrival.topic === topic),
    connections: () => connections,
    offences: () => offences,
    oversizes: () => oversizes,
    ends,
    cut,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      })
  }
}

/** Of a packet with so many bytes behind its fixed header. */
const sizeOf = (remaining: number): number =>
  1 + (remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4) + remaining
