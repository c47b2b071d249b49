import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import type * as tfjs from '@tensorflow/tfjs-core'

/**
 * Tensors' values for loops in JavaScript. On the wasm backend they are views of its heap, so nothing is copied; elsewhere
 * they are what tfjs gives and takes.
 */
export class HostMemory {
  readonly #tf: typeof tfjs
  readonly #wasm: BackendWasm | null

  /** @param onHeap whether tfjs computes with its wasm backend */
  constructor(tf: typeof tfjs, onHeap: boolean) {
    this.#tf = tf
    this.#wasm = onHeap ? (tf.backend() as BackendWasm) : null
  }

  /**
   * A new tensor that `write` fills.
   * @param sources tensors whose values `write` reads, in that order
   * @param write   gets values that it must set, every one of them, and the sources' values, which it must not
   */
  make(
    shape: readonly number[],
    sources: readonly tfjs.Tensor[],
    write: (to: Float32Array, ...from: Float32Array[]) => void
  ): tfjs.Tensor {
    if (this.#wasm === null) {
      const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1))
      write(values, ...sources.map((source) => source.dataSync() as Float32Array))
      return this.#tf.tensor(values, [...shape])
    }
    const info = this.#wasm.makeOutput([...shape], 'float32')
    // Views are taken only now: making the output may have moved the heap.
    const view = (of: Parameters<BackendWasm['typedArrayFromHeap']>[0]): Float32Array =>
      this.#wasm!.typedArrayFromHeap(of) as Float32Array
    write(view(info), ...sources.map(view))
    return this.#tf.engine().makeTensorFromTensorInfo(info, this.#wasm)
  }
}
