import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import type { Box, Face, UnusableReason, Verdict } from '../../../src/core/types.js'
import { softmax } from '../../../src/lib/model/preprocess.js'
import {
  openReferences,
  type Referenced,
  type ReferenceModel,
  type References,
  type ReferencesOptions,
  type ToldReference
} from '../../../src/stages/reference/index.js'
import { SettableClock } from '../../support/settable-clock.js'

export const temperature = 1.2

export const model: ReferenceModel = {
  sha256: 'a'.repeat(64),
  labels: ['pain', 'disgust', 'happiness'],
  alarmIndex: 0,
  resting: { pain: [-1, 0.8], disgust: [0, 0.8], happiness: [1, 0.8] },
  reading: 'softmax',
  scoreOf: (logits) => softmax(logits, temperature)[0]!
}

export const rules = { maxShift: 3, alwaysAlarm: 0.95, expiresDays: 30 }

const picture: Box = { x: 0, y: 0, width: 640, height: 360 }
export const bed: Box = { x: 300, y: 120, width: 60, height: 80 }

/** What the model says of a person with furrows, at rest; it scores 0.59, the model's own neutral face 0.12. */
export const furrowed = [1.2, 0.2, 0.4]

export interface Shown {
  logits?: readonly number[]
  box?: Box
  track?: number
  zone?: string | null
  whyNot?: UnusableReason | null
}

export interface ReferenceRig {
  clock: SettableClock
  path: string
  references: References
  /** What was published last, by camera. */
  told: Map<string, ToldReference[]>
  /** One frame of camera `bed`, 200 ms after the one before. */
  frame(faces: readonly Shown[]): Referenced[]
  /** So many frames of one face, with a tick after each. */
  frames(count: number, shown?: (i: number) => Shown): void
  /** Takes a reference of a face that is shown for 30 s. */
  take(shown?: (i: number) => Shown, zone?: string | null): ReturnType<References['take']>
  /** As a new process would, after this one was killed. */
  again(changes?: RigChanges): Promise<void>
}

export type RigChanges = Partial<ReferencesOptions> & {
  /** The cameras that are watched at once; `bed` unless given. */
  announces?: readonly string[]
}

/** The real stage with a clock of its own and a file in a temporary folder. */
export async function referenceRig(changes: RigChanges = {}): Promise<ReferenceRig> {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-reference-'))
  onTestFinished(async () => {
    await rig.references.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const clock = new SettableClock(Date.parse('2026-03-01T08:00:00Z'))
  const told = new Map<string, ToldReference[]>()
  const path = join(folder, 'state', 'reference.json')
  const open = ({ announces = ['bed'], ...more }: RigChanges) =>
    openReferences({
      ...{ path, rules, model, log: silentLog, clock: clock.clock },
      cameras: new Set(['bed']),
      publish: (camera, { references }) => void told.set(camera, references),
      ...more
    }).then((references) => {
      for (const camera of announces) references.announce(camera, [])
      return references
    })
  const rig: ReferenceRig = {
    clock,
    path,
    told,
    references: await open(changes),
    frame: (faces) => {
      clock.pass(200)
      const at = clock.clock.now()
      const seen = faces.map(faceOf)
      const verdicts = faces.flatMap((each, i) => verdictOf(each, seen[i]!, at))
      return rig.references.judge({ sighting: { camera: 'bed', picture, at, faces: seen, lost: [] }, verdicts })
    },
    frames: (count, shown = () => ({})) => {
      for (let i = 0; i < count; i++) {
        rig.frame([shown(i)])
        rig.references.tick(clock.clock.now())
      }
    },
    take: (shown = () => ({}), zone = null) => {
      const taken = rig.references.take({ camera: 'bed', zone, seconds: 30, by: 'nurse 7' })
      rig.frames(150, shown)
      return taken
    },
    again: async (more = {}) => {
      told.clear()
      rig.references = await open({ ...changes, ...more })
    }
  }
  return rig
}

function faceOf({ box = bed, track = 1, zone = null, whyNot = null }: Shown): Face {
  const crop = { width: 1, height: 1, data: new Uint8Array(3), landmarks: new Float32Array(136) }
  return { track, box, score: 0.9, roll: 0, whyNot, landmarks: new Float32Array(136), zone, crop }
}

function verdictOf({ logits = furrowed }: Shown, face: Face, at: Verdict['at']): Verdict[] {
  if (face.whyNot !== null) return []
  const own = Float32Array.from(logits)
  const probabilities = softmax(own, temperature)
  const about = { camera: 'bed', at, face, labels: model.labels, logits: own, probabilities }
  return [{ ...about, score: probabilities[0]!, precision: 'float32' }]
}
