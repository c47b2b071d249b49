import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CameraConfig } from '../../../src/config/index.js'
import { silentLog } from '../../../src/core/log.js'
import { Progress } from '../../../src/daemon/health/progress.js'
import type { Finding } from '../../../src/daemon/health/vitals.js'
import { Inference } from '../../../src/daemon/line/inference.js'

/** The part, its parts left out: nothing is inferred here, only told of. */
function setUp() {
  const told: (string | null)[] = []
  const world = { stopping: false }
  const inference = new Inference({
    parts: () => {
      throw new Error('nobody infers here')
    },
    supervision: { progress: new Progress({ now: () => 0 }) },
    onTrouble: (problem) => told.push(problem?.message ?? null),
    stopping: () => world.stopping,
    log: silentLog
  })
  const camera = (id: string) => inference.stagesOf({ id, zones: [] } as unknown as CameraConfig)
  return { inference, camera, told, world }
}
const stuck: Finding = { part: 'detect', stops: 'live', why: 'an inference has been under way for 31 s' }

describe('inference', () => {
  test('that fails for several reasons is over only when nobody has anything to say against it', () => {
    const { inference, camera, told } = setUp()
    camera('hall').onFailure(new Error('no memory'))
    inference.examined([stuck])
    camera('hall').onSuccess()
    expect(told).toEqual(['no memory'])
    inference.examined([])
    expect(told).toEqual(['no memory', null])
  })

  test('has no trouble with a camera that is gone, or that gives no pictures', () => {
    const { inference, camera, told } = setUp()
    camera('hall').onFailure(new Error('no memory'))
    inference.forget('hall')
    expect(told).toEqual(['no memory', null])
  })

  test('that fails because a worker is being started again has one reason, the worker’s', () => {
    const { inference, camera, told } = setUp()
    inference.worker('detect', new Error('ended with code 7'))
    camera('hall').onFailure(new Error('is closed'))
    inference.worker('detect', null)
    expect(told).toEqual(['ended with code 7', null])
  })

  test('that is cut off when painlens stops is no failure', () => {
    const { camera, told, world } = setUp()
    world.stopping = true
    camera('hall').onFailure(new Error('is closed'))
    expect(told).toEqual([])
  })

  test('is in trouble exactly while there is a reason, whatever comes', () => {
    const who = ['a', 'b', 'detect', 'classify', 'stuck'] as const
    const steps = fc.array(fc.record({ who: fc.constantFrom(...who), wrong: fc.boolean() }), { maxLength: 40 })
    fc.assert(
      fc.property(steps, (all) => {
        const { inference, camera, told } = setUp()
        const ofCamera = (id: string) => (wrong: boolean) =>
          wrong ? camera(id).onFailure(new Error(id)) : camera(id).onSuccess()
        const ofWorker = (part: 'detect' | 'classify') => (wrong: boolean) =>
          inference.worker(part, wrong ? new Error(part) : null)
        const acts: Record<(typeof who)[number], (wrong: boolean) => void> = {
          a: ofCamera('a'),
          b: ofCamera('b'),
          detect: ofWorker('detect'),
          classify: ofWorker('classify'),
          stuck: (wrong) => inference.examined(wrong ? [stuck] : [])
        }
        const reasons = new Set<string>()
        for (const { who, wrong } of all) {
          // What fails while a worker is away has that for its reason.
          const isExplained = who.length === 1 && (reasons.has('detect') || reasons.has('classify'))
          if (!wrong) reasons.delete(who)
          else if (!isExplained) reasons.add(who)
          acts[who](wrong)
          expect((told.at(-1) ?? null) !== null).toBe(reasons.size > 0)
        }
        for (const [index, problem] of told.entries()) expect(problem === null).toBe(index % 2 === 1)
      })
    )
  })
})
