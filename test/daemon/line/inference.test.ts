import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CameraConfig } from '../../../src/config/index.js'
import { silentLog } from '../../../src/core/log.js'
import { Inference } from '../../../src/daemon/line/inference.js'

/** Inference without its stages: the test reports the outcomes of inferences. */
function setUp() {
  const told: (string | null)[] = []
  const inference = new Inference({
    now: () => 0,
    onTrouble: (problem) => told.push(problem?.message ?? null),
    log: silentLog
  })
  const unused = (): never => {
    throw new Error('is not to be called')
  }
  const stages = { detector: { detect: unused }, classifier: { classify: unused } }
  const camera = (id: string) => inference.stagesOf({ id, zones: [] } as unknown as CameraConfig, stages)
  return { inference, camera, told }
}
const stuck = { part: 'detect', why: 'an inference has been under way for 31 s' }

describe('trouble with inference', () => {
  test('with several causes ends when the last cause ends', () => {
    const { inference, camera, told } = setUp()
    camera('hall').onFailure(new Error('no memory'))
    inference.stuck(stuck)
    camera('hall').onSuccess()
    expect(told).toEqual(['no memory'])
    inference.stuck(null)
    expect(told).toEqual(['no memory', null])
  })

  test('ends when the camera that caused it is removed', () => {
    const { inference, camera, told } = setUp()
    camera('hall').onFailure(new Error('no memory'))
    inference.forget('hall')
    expect(told).toEqual(['no memory', null])
  })

  test("during a worker's restart has that restart as its only cause", () => {
    const { inference, camera, told } = setUp()
    inference.worker('detect', new Error('ended with code 7'))
    camera('hall').onFailure(new Error('is closed'))
    inference.worker('detect', null)
    expect(told).toEqual(['ended with code 7', null])
  })

  test('is not reported for inferences cancelled by a stop', () => {
    const { inference, camera, told } = setUp()
    inference.stopping()
    camera('hall').onFailure(new Error('is closed'))
    expect(told).toEqual([])
  })

  test('is reported exactly while there is a cause, for any sequence of events', () => {
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
          stuck: (wrong) => inference.stuck(wrong ? stuck : null)
        }
        const reasons = new Set<string>()
        for (const { who, wrong } of all) {
          // Failures during a worker's restart have that as their cause.
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
