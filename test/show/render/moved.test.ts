import { describe, expect, it } from 'vitest'
import { frontal, type Pose, renderPortrait, type UnitName, unitNames } from '../../../src/show/render/index.js'
import { inside, plain } from './pictures.js'

const posed: Pose = { yaw: 0.15, pitch: -0.05, roll: 12 }

/** The share of all change in the picture that lies in the places a unit is said to move, and their share of the face. */
async function measure(unit: UnitName, pose: Pose): Promise<{ change: number; area: number }> {
  const options = { identity: plain(), pose, faceSize: 90 }
  const rest = await renderPortrait({ ...options, units: {} })
  const active = await renderPortrait({ ...options, units: { [unit]: 0.8 } })
  expect(new Set(active.moved.map((place) => place.unit))).toEqual(new Set([unit]))
  let [hit, all, covered] = [0, 0, 0]
  for (let y = 0; y < active.height; y++)
    for (let x = 0; x < active.width; x++) {
      const at = (y * active.width + x) * 3
      const change = Math.abs(active.data[at + 1]! - rest.data[at + 1]!)
      const named = active.moved.some(({ polygon }) => inside(polygon, x, y))
      if (named) covered++
      if (change < 6) continue
      all += change
      if (named) hit += change
    }
  expect(all).toBeGreaterThan(300)
  return { change: hit / all, area: covered / (active.box.width * active.box.height) }
}

describe('moved', () => {
  it.each(unitNames)('the action unit %s changes the picture mostly in its named regions', async (unit) => {
    for (const pose of [frontal, posed]) {
      const { change, area } = await measure(unit, pose)
      expect(change).toBeGreaterThan(0.7)
      expect(area).toBeLessThan(0.4)
    }
  })

  it('no region is named at rest or below the visible strength', async () => {
    const { moved } = await renderPortrait({ identity: plain(), units: { AU4: 0.14 }, faceSize: 60 })
    expect(moved).toEqual([])
  })

  it('the named regions are those of the design', async () => {
    const { moved } = await renderPortrait({
      identity: plain(),
      units: { AU4: 1, AU9: 1, AU12: 1, AU17: 1 },
      faceSize: 60
    })
    const regions = new Set(moved.map(({ region }) => region))
    expect([...regions].sort()).toEqual(['brows', 'cheeks', 'chin', 'mouth', 'nasolabial_folds', 'nose', 'nostrils'])
  })
})
