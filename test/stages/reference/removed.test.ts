import { execFileSync } from 'node:child_process'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { model, type ReferenceRig, referenceRig, rules } from './rig.js'

const request = { camera: 'bed', zone: null, seconds: 30, by: 'nurse 7' }
const expectUnreferenced = (rig: ReferenceRig): void => {
  const [judged] = rig.frame([{}])
  expect(judged!.score).toBe(judged!.unreferenced)
}

describe('a resting face on disk', () => {
  const kept = {
    ...{ camera: 'bed', zone: null, model: model.sha256, frames: 150, by: 'nurse 7' },
    ...{ at: '2026-03-01T08:00:00Z', noted: '2026-03-01T08:00:00Z', ran_ms: 0, suspended: null, away_ms: 0 },
    place: { x: 300 / 640, y: 120 / 640, width: 60 / 640, height: 80 / 640 }
  }
  const resting = { pain: [1, 0.5], disgust: [0, 0.5], happiness: [1, 0.5] }
  const keep = (rig: ReferenceRig, changes: object) =>
    writeFileSync(rig.path, JSON.stringify({ version: 1, references: [{ ...kept, resting, ...changes }] }))

  it('is used as it was written, and dropped where max_shift has been lowered since', async () => {
    const rig = await referenceRig()
    await rig.take()
    keep(rig, {})
    await rig.again()
    expect(rig.frame([{}])[0]!.score).toBeLessThan(rig.frame([{}])[0]!.unreferenced)
    await rig.again({ rules: { ...rules, maxShift: 1.9 } })
    expectUnreferenced(rig)
    expect(rig.told.get('bed')).toEqual([])
  })

  it.each([
    ['a larger shift than any that is taken', { ...resting, pain: [49, 0.5] }],
    ['numbers beyond float32', { ...resting, pain: [1e300, 0.5] }],
    ['numbers beyond float32 in all labels', { pain: [1e300, 0], disgust: [1e300, 0], happiness: [1e300, 0] }]
  ])('silences no pain by %s', async (_, hostile) => {
    const rig = await referenceRig()
    await rig.take()
    keep(rig, { resting: hostile })
    await rig.again()
    expectUnreferenced(rig)
  })

  it('does not hold up the start where its file is a FIFO, a folder or a device', async () => {
    const rig = await referenceRig()
    await rig.take()
    const replaced = [
      () => execFileSync('mkfifo', [rig.path]),
      () => symlinkSync(dirname(rig.path), rig.path),
      () => symlinkSync('/dev/zero', rig.path)
    ]
    for (const replace of replaced) {
      rmSync(rig.path)
      replace()
      await rig.again()
      expectUnreferenced(rig)
    }
  })
})

describe('a resting face that is removed', () => {
  it('with its camera, while float32 is still asked, is not kept', async () => {
    let answer = (_: null): void => undefined
    const exact = () =>
      new Promise<null>((resolve) => {
        answer = resolve
      })
    const rig = await referenceRig({ exact })
    const taken = rig.references.take({ ...request, seconds: 5 })
    const refused = expect(taken).rejects.toMatchObject({ code: 'PL-REFERENCE-REMOVED' })
    rig.frames(30)
    rig.references.cameraGone('bed')
    answer(null)
    await refused
    await expect(rig.references.remove('bed', null, 'nurse 8')).rejects.toMatchObject({ code: 'PL-REFERENCE-NONE' })
  })

  it('while the next one cannot be written does not come back in its place', async () => {
    const rig = await referenceRig()
    await rig.take()
    rmSync(dirname(rig.path), { recursive: true })
    writeFileSync(dirname(rig.path), 'a file where the folder should be')
    const second = rig.take()
    const results = await Promise.allSettled([
      second,
      // As soon as it is in use, and before the disk has refused it.
      new Promise<void>((resolve) => setImmediate(resolve)).then(() => rig.references.remove('bed', null, 'nurse 8'))
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expectUnreferenced(rig)
  })
})
