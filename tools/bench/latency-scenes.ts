import type { Manifest } from '#painlens/lib/model/manifest.js'
import type { LatencyScene } from './latency.js'

/** Every face is in pain to this config: the full-size model's weights are random. */
export const alwaysAlarming = { onset_threshold: 1e-12, onset_s: 0, onset_frames: 1, clear_threshold: 0 }

/**
 * What the daemon is measured with.
 * @param large a VGG-Face of full size
 * @param quick the same with an int8 twin
 */
export function latencyScenes({ file }: Manifest, quick: Manifest): LatencyScene[] {
  const full = {
    model: { manifest: file.replace(/\.onnx$/, '.yaml') },
    alarm: alwaysAlarming,
    explanation: { engine: 'onnx', session: 'own', threshold: 0 }
  }
  const int8 = { ...full, model: { manifest: quick.path }, inference: { precision: 'int8' } }
  const shared = { ...full, explanation: { ...full.explanation, session: 'shared' } }
  return [
    { name: 'demonstration model, 2 cameras', cameras: 2 },
    { name: 'full-size VGG-Face, 1 camera', cameras: 1, config: full, manyAlarms: true },
    { name: 'full-size VGG-Face, 2 cameras', cameras: 2, config: full, manyAlarms: true },
    { name: 'full-size VGG-Face, 4 cameras', cameras: 4, config: full, manyAlarms: true },
    { name: 'full-size VGG-Face in int8, 4 cameras', cameras: 4, config: int8, manyAlarms: true },
    { name: 'full-size VGG-Face in int8, 4 cameras, one alarm each', cameras: 4, config: int8 },
    {
      name: 'full-size VGG-Face in int8, 4 cameras, one session for float32',
      cameras: 4,
      config: { ...int8, explanation: shared.explanation },
      manyAlarms: true
    },
    { name: 'full-size VGG-Face, 2 cameras, one session', cameras: 2, config: shared, manyAlarms: true },
    {
      name: 'full-size VGG-Face, 2 cameras, no explanations',
      cameras: 2,
      config: { ...full, explanation: { enabled: false } },
      manyAlarms: true
    }
  ]
}
