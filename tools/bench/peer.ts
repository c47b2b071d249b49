/** LRP in PyTorch, as zennit does it, in turns with the ONNX engine: `zennit.py`. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageRoot } from '#painlens/core/version.js'

export type PeerTask = 'forward' | 'a' | 'b'

/** A Python that computes one task at a time. */
export class Peer {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  }

  /**
   * Starts `$PYTHON`, or python3, which needs PyTorch.
   * @returns the peer and its name; or why there is none
   */
  static async open(threads: number): Promise<{ peer: Peer; name: string } | string> {
    const python = process.env.PYTHON ?? 'python3'
    const child = spawn(python, [join(packageRoot, 'tools/bench/zennit.py'), String(threads)])
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const failed = new Promise<string>((resolve) => child.once('error', ({ message }) => resolve(message)))
    const peer = new Peer(child)
    const name = await Promise.race([peer.#lines.next(), failed])
    if (typeof name === 'string') return name
    return name.done ? `${python}: ${said.trim()}` : { peer, name: name.value }
  }

  /** @returns the time that it took, in ms */
  async run(task: PeerTask): Promise<number> {
    this.#child.stdin.write(`${task}\n`)
    const { value } = await this.#lines.next()
    return Number(value)
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.stdin.end()
    await gone
  }
}
