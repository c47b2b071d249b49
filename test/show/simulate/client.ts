import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Response {
  status: number
  headers: Map<string, string>
  body: string
}

/** A plain RTSP client that says exactly what a test wants it to say. Interleaved packets are kept by channel. */
export class RtspClient {
  readonly packets: { channel: number; payload: Buffer }[] = []
  readonly socket: Socket
  readonly closed: Promise<void>
  #rest = Buffer.alloc(0)
  #responses: Response[] = []
  #wake: () => void = () => undefined
  #cseq = 0

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      while (this.#take()) this.#wake()
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        resolve()
        this.#wake()
      })
    })
  }

  static async open(port: number): Promise<RtspClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RtspClient(socket)
  }

  /** Sends a request and gives back its response; a CSeq comes along by itself. */
  async ask(method: string, uri: string, headers: Record<string, string> = {}, body = ''): Promise<Response> {
    const all: Record<string, string> = { CSeq: String(++this.#cseq), ...headers }
    if (body) all['Content-Length'] = String(Buffer.byteLength(body))
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    this.socket.write(`${method} ${uri} RTSP/1.0\r\n${lines.join('')}\r\n${body}`)
    await this.until(() => this.#responses.length > 0)
    return this.#responses.shift()!
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (this.socket.closed) throw new Error('the connection is closed')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  close(): void {
    this.socket.destroy()
  }

  #take(): boolean {
    if (this.#rest[0] === 0x24) {
      if (this.#rest.length < 4) return false
      const end = 4 + this.#rest.readUInt16BE(2)
      if (this.#rest.length < end) return false
      this.packets.push({ channel: this.#rest[1]!, payload: this.#rest.subarray(4, end) })
      this.#rest = this.#rest.subarray(end)
      return true
    }
    const blank = this.#rest.indexOf('\r\n\r\n')
    if (blank < 0) return false
    const [first = '', ...lines] = this.#rest.toString('utf8', 0, blank).split('\r\n')
    const headers = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)])
    )
    const end = blank + 4 + Number(headers.get('content-length') ?? 0)
    if (this.#rest.length < end) return false
    this.#responses.push({
      status: Number(first.split(' ')[1]),
      headers,
      body: this.#rest.toString('utf8', blank + 4, end)
    })
    this.#rest = this.#rest.subarray(end)
    return true
  }
}
