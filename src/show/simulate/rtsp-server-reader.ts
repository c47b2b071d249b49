import type { Socket } from 'node:net'
import type { RtspReader } from './rtsp-server-stream.js'

/** With more than this waiting in the socket, packets are dropped until the first key frame after it has drained. */
const maxQueuedBytes = 1 << 20
/** A reader that has taken nothing for this long is disconnected. */
const stuckMs = 10_000

/** Sends a stream's packets over an RTSP connection, interleaved (RFC 2326, 10.12). */
export class RtspSocketReader implements RtspReader {
  readonly #socket: Socket
  readonly #loses: () => boolean
  readonly #channels = new Map<number, number>()
  /** Tracks of which the reader has nothing yet, or has missed packets. */
  readonly #waiting = new Set<number>()
  #skippingSince: number | undefined

  /** @param loses whether the RTP packet that is next is lost on its way */
  constructor(socket: Socket, loses: () => boolean = () => false) {
    this.#socket = socket
    this.#loses = loses
  }

  /** @param channel of the track's RTP; its RTCP goes to the next one */
  map(track: number, channel: number): void {
    this.#channels.set(track, channel)
    this.#waiting.add(track)
  }

  send(track: number, rtcp: boolean, packet: Buffer, joins: boolean): void {
    const channel = this.#channels.get(track)
    if (channel === undefined || !this.#socket.writable || this.#mustSkip()) return
    if (joins) this.#waiting.delete(track)
    if (!rtcp && (this.#waiting.has(track) || this.#loses())) return
    const head = Buffer.of(0x24, channel + (rtcp ? 1 : 0), packet.length >> 8, packet.length & 0xff)
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(packet)
    this.#socket.uncork()
  }

  end(): void {
    this.#socket.end()
  }

  #mustSkip(): boolean {
    if (this.#socket.writableLength <= maxQueuedBytes) {
      this.#skippingSince = undefined
      return false
    }
    this.#skippingSince ??= performance.now()
    for (const track of this.#channels.keys()) this.#waiting.add(track)
    if (performance.now() - this.#skippingSince > stuckMs) this.#socket.destroy()
    return true
  }
}
