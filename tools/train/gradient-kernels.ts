import type { KernelConfig, KernelFunc, Tensor, Tensor4D } from '@tensorflow/tfjs'

export type Tensorflow = typeof import('@tensorflow/tfjs')

type Padding = 'same' | 'valid'
interface ConvAttributes {
  strides: number | [number, number]
  pad: Padding
  dilations?: number | [number, number]
}
interface PoolAttributes extends ConvAttributes {
  filterSize: number | [number, number]
}

/**
 * Registers for the wasm backend the kernels that training a VGG needs and that it has not (Conv2DBackpropFilter), has
 * only as a scalar loop (Conv2DBackpropInput, the transposed matrix product), or has wrong (MaxPoolGrad: of several equal
 * maxima TensorFlow's takes the first, wasm's the last, and it gives nothing where the maximum is not positive).
 * The convolutions are of stride 1 and odd kernels; other geometries are refused. The rest stays as it is.
 */
export function registerGradientKernels(tf: Tensorflow): void {
  const register = (kernelName: string, kernel: (a: KernelCall, old: KernelFunc | undefined) => unknown): void => {
    const old = (tf.getKernel(kernelName, 'wasm') as KernelConfig | undefined)?.kernelFunc
    if (old) tf.unregisterKernel(kernelName, 'wasm')
    const kernelFunc = (call: KernelCall) => tf.tidy(() => kernel(call, old) as Tensor)
    // tfjs types a kernel's arguments as whatever any kernel has.
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelFunc as unknown as KernelFunc })
  }
  // The kernels' inputs and attributes are those of their names, by tfjs's own definition.
  register('Conv2DBackpropInput', (call) => convInputGradient(tf, call as never))
  register('Conv2DBackpropFilter', (call) => convFilterGradient(tf, call as never))
  register('MaxPoolGrad', (call) => maxPoolGradient(tf, call as never))
  register('BatchMatMul', (call, old) => transposedProduct(tf, call as never, old!))
}

interface KernelCall {
  inputs: Record<string, Tensor>
  attrs: object
  backend: unknown
}

/** With stride 1, the gradient by the input is the convolution with the kernel turned round and its channels swapped. */
function convInputGradient(
  tf: Tensorflow,
  { inputs, attrs }: { inputs: { dy: Tensor4D; filter: Tensor4D }; attrs: ConvAttributes & { inputShape: number[] } }
): Tensor4D {
  const [height, width] = inputs.filter.shape
  const turned = tf.transpose(tf.reverse(inputs.filter, [0, 1]), [0, 1, 3, 2])
  const [down, across] = halfKernel([height, width], attrs)
  const [outer, inner] = [height - 1 - down, width - 1 - across]
  if (outer === down && inner === across) return tf.conv2d(inputs.dy, turned, 1, 'same')
  const padded = tf.pad(inputs.dy, [
    [0, 0],
    [outer, outer],
    [inner, inner],
    [0, 0]
  ]) as Tensor4D
  return tf.conv2d(padded, turned, 1, 'valid')
}

/**
 * The gradient by the kernel is a convolution as well: over the input with batch and channels swapped, with the output's
 * gradient as the kernel. One call of the fast routine beats nine matrix products of shifted slices.
 */
function convFilterGradient(
  tf: Tensorflow,
  { inputs, attrs }: { inputs: { x: Tensor4D; dy: Tensor4D }; attrs: ConvAttributes & { filterShape: number[] } }
): Tensor4D {
  const [down, across] = halfKernel(attrs.filterShape as [number, number], attrs)
  const padded = tf.pad(inputs.x, [
    [0, 0],
    [down, down],
    [across, across],
    [0, 0]
  ]) as Tensor4D
  const channelsFirst = tf.transpose(padded, [3, 1, 2, 0])
  const kernel = tf.transpose(inputs.dy, [1, 2, 0, 3])
  return tf.transpose(tf.conv2d(channelsFirst, kernel, 1, 'valid'), [1, 2, 0, 3])
}

/** How many pixels the convolution pads on each side, down and across. */
function halfKernel(
  [height, width]: readonly [number, number],
  { strides, pad, dilations = 1 }: ConvAttributes
): [number, number] {
  const plain = [strides, dilations].flat().every((step) => step === 1)
  if (!plain || height % 2 === 0 || width % 2 === 0)
    throw new RangeError('gradients here are for convolutions of stride 1 and odd kernels without dilation')
  return pad === 'same' ? [(height - 1) / 2, (width - 1) / 2] : [0, 0]
}

/** Each output's gradient goes to the first of its window's largest values, row by row, as in TensorFlow. No padding. */
function maxPoolGradient(
  tf: Tensorflow,
  { inputs, attrs }: { inputs: { dy: Tensor4D; input: Tensor4D }; attrs: PoolAttributes }
): Tensor4D {
  const info = tf.backend_util.computePool2DInfo(inputs.input.shape, attrs.filterSize, attrs.strides, 1, attrs.pad)
  const { inHeight, inWidth, inChannels, filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info
  if (padInfo.top + padInfo.left + padInfo.bottom + padInfo.right > 0)
    throw new RangeError('the gradient here is for a max pooling without padding')
  const [x, dy] = [inputs.input.dataSync(), inputs.dy.dataSync()]
  const dx = new Float32Array(x.length)
  const window = Array.from({ length: filterHeight * filterWidth }, (_, i) => {
    return (Math.floor(i / filterWidth) * inWidth + (i % filterWidth)) * inChannels
  })
  let from = 0
  for (let row = 0; row < info.batchSize * info.outHeight; row++) {
    const y = Math.floor(row / info.outHeight) * inHeight + (row % info.outHeight) * strideHeight
    for (let column = 0; column < info.outWidth; column++) {
      const corner = (y * inWidth + column * strideWidth) * inChannels
      for (let channel = 0; channel < inChannels; channel++)
        dx[firstLargest(x, corner + channel, window)]! += dy[from++]!
    }
  }
  return tf.tensor4d(dx, inputs.input.shape)
}

function firstLargest(values: ArrayLike<number>, corner: number, window: readonly number[]): number {
  let best = corner
  for (let i = 1; i < window.length; i++) {
    const at = corner + window[i]!
    if (values[at]! > values[best]!) best = at
  }
  return best
}

/** Transposes first, where the batch is one: the backend multiplies transposed matrices number by number. */
function transposedProduct(
  tf: Tensorflow,
  call: {
    inputs: { a: Tensor; b: Tensor }
    attrs: { transposeA: boolean; transposeB: boolean }
    backend: unknown
  },
  plain: KernelFunc
): unknown {
  const { a, b } = call.inputs
  // The kernel itself takes what this one was called with.
  if (a.shape[0] !== 1 || b.shape[0] !== 1) return plain(call as never)
  const turned = (matrix: Tensor, turn: boolean) => (turn ? tf.transpose(matrix, [0, 2, 1]) : matrix)
  const inputs = { a: turned(a, call.attrs.transposeA), b: turned(b, call.attrs.transposeB) }
  // As above, turned already.
  return plain({ ...call, inputs, attrs: { transposeA: false, transposeB: false } } as never)
}
