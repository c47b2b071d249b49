/** Maps as tfjs stores them, [batch, height, width, channels]: cut, spread and described. */
import type * as tfjs from '@tensorflow/tfjs-core'
import type { ConvGeometry } from '../layers.js'
import type { MapShape } from './host.js'

type Tensor = tfjs.Tensor
type Pair = [number, number]

/** What a convolution's negative pads leave of a map: they take rows and columns off. */
export function cropped(tf: typeof tfjs, x: Tensor, pads: ConvGeometry['pads']): Tensor {
  const [top, left, bottom, right] = pads.map((pad) => Math.max(0, -pad)) as ConvGeometry['pads']
  if (top + left + bottom + right === 0) return x
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  return tf.slice(x, [0, top, left, 0], [batch, height - top - bottom, width - left - right, channels])
}

/** Puts strides - 1 zeros between the pixels of a map. */
export function spreadMap(tf: typeof tfjs, s: Tensor, [down, across]: Pair): Tensor {
  if (down === 1 && across === 1) return s
  const [batch, height, width, channels] = s.shape as [number, number, number, number]
  const apart = tf.reshape(s, [batch, height, 1, width, 1, channels])
  const zeros: Pair[] = [
    [0, 0],
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
    [0, 0]
  ]
  const spaced = tf.reshape(tf.pad(apart, zeros), [batch, height * down, width * across, channels])
  return tf.slice(spaced, [0, 0, 0, 0], [batch, (height - 1) * down + 1, (width - 1) * across + 1, channels])
}

/** A stored map's shape, and what the pools need of it. */
export function asMap(x: Tensor): { shape: number[]; map: MapShape } {
  const [batch, , , channels] = x.shape as [number, number, number, number]
  return { shape: x.shape, map: { batch, channels } }
}
