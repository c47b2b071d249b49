import { expect, test } from 'vitest'
import { HomeAssistant } from '../../../src/daemon/report/home-assistant.js'

const nowhere = { room: null, bed: null }
const camera = (id: string) => ({ id, location: nowhere })
const on = { enabled: true, prefix: 'homeassistant' }
const topic = 'homeassistant/device/painlens_box/config'

/** What the broker retains, and the notes, both of which outlive a run. */
function world() {
  const retained = new Map<string, object>()
  const notes = new Map<string, object>()
  let isAway = false
  const outbox = {
    note: async ({ key, value }: { key: string; value: object | null }) => {
      if (value === null) notes.delete(key)
      else notes.set(key, JSON.parse(JSON.stringify(value)))
    },
    notes: (start: string) => new Map([...notes].map(([key, value]) => [key.slice(start.length), value]))
  }
  const mqtt = {
    announce: (at: string, compose: () => object) => void retained.set(at, compose()),
    withdraw: (at: string) => {
      if (isAway) return new Promise<void>(() => undefined)
      retained.delete(at)
      return Promise.resolve()
    }
  }
  const run = async (cameras: string[], settings = on, device = 'box') => {
    const home = new HomeAssistant({ device, settings, mqtt, outbox })
    home.withdrawOthers()
    home.announce(cameras.map(camera))
    await Promise.resolve()
    return home
  }
  const components = () => (retained.get(topic) as { components: Record<string, object> } | undefined)?.components
  return { retained, notes, run, components, away: (value: boolean) => (isAway = value) }
}
const removal = { platform: 'binary_sensor' }

test('a camera that is removed while painlens runs, or between two runs, has its entities removed', async () => {
  const { run, components } = world()
  const home = await run(['a', 'b', 'c'])
  expect(components()?.b_pain).toHaveProperty('state_topic')
  home.announce([camera('a'), camera('c')])
  expect(components()?.b_pain).toEqual(removal)
  await run(['a'])
  expect(components()).toMatchObject({ b_pain: removal, c_pain: removal })
  await run(['a', 'b'])
  expect(components()?.b_pain).toHaveProperty('state_topic')
})

test('switched off, or renamed, its message is taken away, and later if the broker is away', async () => {
  const { run, retained, notes, away } = world()
  await run(['a'])
  away(true)
  await run(['a'], { ...on, enabled: false })
  expect([...retained.keys()]).toEqual([topic])
  away(false)
  await run(['a'], { ...on, enabled: false })
  expect([...retained.keys(), ...notes.keys()]).toEqual([])
  await run(['a'])
  await run(['a'], on, 'other')
  expect([...retained.keys()]).toEqual(['homeassistant/device/painlens_other/config'])
})

test('switched off from the start, it says nothing', async () => {
  const { run, retained, notes } = world()
  await run(['a'], { ...on, enabled: false })
  expect([...retained.keys(), ...notes.keys()]).toEqual([])
})
