import type { IPublishPacket } from 'mqtt'

/** Milliseconds for which a size is not tried again, by how often the broker has hung up on it so far. */
const trustMs = [60_000, 600_000, 3_600_000] as const
/** A code that says so needs no second time. */
const certainly = trustMs.length

/**
 * After how many hang-ups without a reason a size counts as too large, by what the packet is to painlens. An explanation can
 * be spared, and its size is unusual. A network that breaks while an alarm, the status or a state is under way must not keep
 * that back. Rows are held to their own limit and to those below them.
 */
const hangUpsUntilTooLarge = { explanation: 1, unconfirmed: 2, needed: 3 } as const
export type PacketClass = keyof typeof hangUpsUntilTooLarge
const classes = Object.keys(hangUpsUntilTooLarge) as PacketClass[]

interface Suspicion {
  /** The smallest size, in bytes, that the broker has hung up on. */
  size: number
  hangUps: number
  /** When it is tried again, in ms of `performance.now`. */
  until: number
}

/** What was sent and not yet answered. */
interface Outstanding {
  size: number
  of: PacketClass
  qos: number
  at: number
}

/**
 * Which size of packet a broker takes, learned from how it behaves: brokers that announce no Maximum Packet Size, and all that
 * speak 3.1.1, hang up on a larger one. Outlives the connections.
 */
export class SizeLimit {
  readonly #suspicions = new Map<PacketClass, Suspicion>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The smallest size that is not to be sent now; null where none is known. */
  tooLarge(of: PacketClass): number | null {
    const sizes = classes.slice(classes.indexOf(of)).flatMap((one) => {
      const suspicion = this.#suspicions.get(one)
      const counts = suspicion && suspicion.hangUps >= hangUpsUntilTooLarge[one] && this.#now() < suspicion.until
      return counts ? [suspicion.size] : []
    })
    return sizes.length > 0 ? Math.min(...sizes) : null
  }

  /**
   * The broker has hung up on a packet of this size.
   * @param isCertain it has said that this was the reason
   * @returns whether such a packet is not sent any more, for a while
   */
  hungUp(size: number, of: PacketClass, isCertain: boolean): boolean {
    const before = this.#suspicions.get(of)
    const hangUps = isCertain ? certainly : Math.min(certainly, (before?.hangUps ?? 0) + 1)
    const until = this.#now() + (of === 'needed' ? trustMs[0] : trustMs[hangUps - 1]!)
    this.#suspicions.set(of, { size: Math.min(size, before?.size ?? size), hangUps, until })
    return this.tooLarge(of) !== null
  }

  /** The broker has taken a packet of this size. */
  passed(size: number): void {
    for (const [of, suspicion] of this.#suspicions) if (size >= suspicion.size) this.#suspicions.delete(of)
  }
}

/** A broker looks at a QoS 0 packet, which it does not answer, within this time. */
const unansweredMs = 5000

/** The packets of one connection that the broker has not answered, and so may be hanging up on. */
export class Unanswered {
  readonly #limit: SizeLimit
  readonly #packets = new Map<number, Outstanding>()
  #count = 0
  /** The largest size that has gone through over this connection. */
  #passed = 0

  constructor(limit: SizeLimit) {
    this.#limit = limit
  }

  /** @returns what `answered` takes */
  sent(size: number, of: PacketClass, qos: number): number {
    const at = performance.now()
    for (const [before, { qos: beforeQos, at: sentAt }] of this.#packets) {
      if (beforeQos > 0 || at - sentAt < unansweredMs) break
      this.#packets.delete(before)
    }
    this.#packets.set(++this.#count, { size, of, qos, at })
    return this.#count
  }

  /** Of the packets before it those of QoS 0 are through, too: a broker reads one packet after the other. */
  answered(count: number, isTaken: boolean): void {
    for (const [before, { qos, size }] of this.#packets) {
      if (before > count) return
      if (before < count && qos > 0) continue
      this.#packets.delete(before)
      if (before === count && !isTaken) continue
      this.#passed = Math.max(this.#passed, size)
      this.#limit.passed(size)
    }
  }

  /** Whether the broker has answered anything that was sent after this. */
  isOvertaken(count: number): boolean {
    for (let later = this.#count; later > count; later--) if (!this.#packets.has(later)) return true
    return false
  }

  /**
   * The broker has hung up: on the largest packet that it has not answered, if none so large has gone through here.
   * @returns whether a packet of this size is not sent any more, for a while
   */
  hungUp(isCertain: boolean): boolean {
    const now = performance.now()
    const recent = [...this.#packets.values()].filter(({ qos, at }) => qos > 0 || now - at < unansweredMs)
    const [largest] = recent.sort((a, b) => b.size - a.size)
    if (largest === undefined || (largest.size <= this.#passed && !isCertain)) return false
    return this.#limit.hungUp(largest.size, largest.of, isCertain)
  }
}

/** The bytes of a PUBLISH on the wire (MQTT 5, 3.3). */
export function packetSize(
  topic: string,
  payload: Uint8Array,
  qos: number,
  properties: IPublishPacket['properties'] | null
): number {
  const body = 2 + Buffer.byteLength(topic) + (qos > 0 ? 2 : 0) + propertiesSize(properties) + payload.length
  return 1 + varintSize(body) + body
}

const stringSize = (text: string | undefined): number => (text === undefined ? 0 : 3 + Buffer.byteLength(text))

function propertiesSize(properties: IPublishPacket['properties'] | null): number {
  // 3.1.1 has none.
  if (properties === null) return 0
  const { payloadFormatIndicator, messageExpiryInterval, contentType, correlationData } = properties ?? {}
  const size =
    (payloadFormatIndicator === undefined ? 0 : 2) +
    (messageExpiryInterval === undefined ? 0 : 5) +
    stringSize(contentType) +
    (correlationData === undefined ? 0 : 3 + correlationData.length)
  return varintSize(size) + size
}

/** A variable byte integer has 7 bits a byte. */
const varintSize = (value: number): number => (value < 128 ? 1 : 1 + varintSize(Math.floor(value / 128)))
