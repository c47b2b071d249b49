import type { IPublishPacket } from 'mqtt'

/** Milliseconds for which a size is not tried again, by how often the broker has hung up on it so far. */
const trustMs = [60_000, 600_000, 3_600_000] as const
/** A code that says so needs no second time. */
const certainly = trustMs.length
/** A message that must get out counts as too large for a broker that gives no reason only after so many hang-ups. */
const hangUpsOfNeeded = 3

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
  isNeeded: boolean
  qos: number
  at: number
}

/**
 * Which size of packet a broker takes, learned from how it behaves: brokers that announce no Maximum Packet Size, and all that
 * speak 3.1.1, hang up on a larger one. Outlives the connections. What can be spared (explanations, health) is suspected at
 * once, so that it breaks no second connection. A message that must get out (alarms, status, states) is suspected only when the
 * broker says so or hangs up on it again and again: a network that breaks at that moment must not keep an alarm back.
 */
export class SizeLimit {
  readonly #spared: { suspicion: Suspicion | null } = { suspicion: null }
  readonly #needed: { suspicion: Suspicion | null } = { suspicion: null }
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The smallest size that is not to be sent now; null where none is known. */
  tooLarge(isNeeded: boolean): number | null {
    const needed = this.#current(this.#needed.suspicion, hangUpsOfNeeded)
    if (isNeeded) return needed
    const spared = this.#current(this.#spared.suspicion, 1)
    if (needed === null || spared === null) return spared ?? needed
    return Math.min(needed, spared)
  }

  /** The broker has hung up on a packet of this size. @param isCertain it has said that this was the reason */
  hungUp(size: number, isNeeded: boolean, isCertain: boolean): void {
    const held = isNeeded ? this.#needed : this.#spared
    const hangUps = isCertain ? certainly : Math.min(certainly, (held.suspicion?.hangUps ?? 0) + 1)
    const until = this.#now() + (isNeeded ? trustMs[0] : trustMs[hangUps - 1]!)
    held.suspicion = { size: Math.min(size, held.suspicion?.size ?? size), hangUps, until }
  }

  /** The broker has taken a packet of this size. */
  passed(size: number): void {
    for (const held of [this.#spared, this.#needed])
      if (held.suspicion !== null && size >= held.suspicion.size) held.suspicion = null
  }

  #current(suspicion: Suspicion | null, hangUps: number): number | null {
    return suspicion !== null && suspicion.hangUps >= hangUps && this.#now() < suspicion.until ? suspicion.size : null
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
  sent(size: number, isNeeded: boolean, qos: number): number {
    const at = performance.now()
    for (const [before, { qos, at: sentAt }] of this.#packets) {
      if (qos > 0 || at - sentAt < unansweredMs) break
      this.#packets.delete(before)
    }
    this.#packets.set(++this.#count, { size, isNeeded, qos, at })
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
   * @returns whether one is to blame
   */
  hungUp(isCertain: boolean): boolean {
    const now = performance.now()
    const recent = [...this.#packets.values()].filter(({ qos, at }) => qos > 0 || now - at < unansweredMs)
    const [largest] = recent.sort((a, b) => b.size - a.size)
    if (largest === undefined || (largest.size <= this.#passed && !isCertain)) return false
    this.#limit.hungUp(largest.size, largest.isNeeded, isCertain)
    return true
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
