/** What the editor of masks and zones makes of the outlines: its YAML is held against the real config. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/index.js'
import { inPolygon } from '../../src/lib/face/boxes.js'
import {
  add,
  addCorner,
  begin,
  change,
  changeFault,
  faultAt,
  freeName,
  type History,
  moveAll,
  moveCorner,
  type Outline,
  outlinesOf,
  redo,
  remove,
  removeCorner,
  rename,
  undo,
  yamlOf
} from '../../src/page/web/outlines.js'

const square = [
  [0.2, 0.2],
  [0.6, 0.2],
  [0.6, 0.6],
  [0.2, 0.6]
] as const
const bed = outlinesOf([], [{ name: 'bed', polygon: square }])

const configWith = (yaml: string): string => `device: ward-3
mqtt: { url: "mqtt://192.0.2.2:1883" }
cameras:
  - id: room-312
    url: rtsp://192.0.2.10:554/stream1
${yaml}`

async function readBack(yaml: string): Promise<readonly Outline[]> {
  const { config } = await parseConfig(configWith(yaml), '/etc/painlens/p.yaml', { env: {} })
  const { masks, zones } = config.cameras[0]!
  return outlinesOf(masks, zones)
}

/** The config has masks first. */
const sorted = (outlines: readonly Outline[]): Outline[] => [
  ...outlines.filter(({ kind }) => kind === 'mask'),
  ...outlines.filter(({ kind }) => kind === 'zone')
]

describe('an outline is refused', () => {
  it.each([
    ['with two corners', removeCorner(removeCorner(bed, 0, 0), 0, 0), { kind: 'few' }],
    ['with crossing sides', moveCorner(bed, 0, 0, [0.9, 0.4]), { kind: 'crossing', at: [1, 3] }],
    ['with two corners in one place', moveCorner(bed, 0, 0, [0.6, 0.2]), { kind: 'same', at: [0, 1] }],
    [
      'as a line',
      outlinesOf(
        [
          [
            [0, 0],
            [0.5, 0.5],
            [1, 1]
          ]
        ],
        []
      ),
      { kind: 'flat' }
    ],
    [
      'smaller than can be seen',
      outlinesOf(
        [
          [
            [0, 0],
            [0.01, 0],
            [0, 0.01]
          ]
        ],
        []
      ),
      { kind: 'small' }
    ],
    ['without a name, as a zone', rename(bed, 0, ''), { kind: 'nameless' }],
    ['with a placeholder of the config as its name', rename(bed, 0, '$' + '{env:X}'), { kind: 'name_placeholder' }],
    [
      'with the name of another zone',
      rename(add(bed, 'zone', 'chair'), 0, 'chair'),
      { kind: 'name_twice', name: 'chair' }
    ]
  ])('%s', (_, outlines, fault) => {
    expect(faultAt(outlines, 0)).toEqual(fault)
  })

  it('but one that the config has too small may grow step by step', () => {
    const tiny = outlinesOf(
      [
        [
          [0, 0],
          [0.01, 0],
          [0, 0.01]
        ]
      ],
      []
    )
    expect(changeFault(tiny, moveCorner(tiny, 0, 1, [0.012, 0]), 0)).toBeNull()
    expect(changeFault(bed, moveCorner(tiny, 0, 1, [0.012, 0]), 0)).toEqual({ kind: 'small' })
  })
})

it('a new zone gets a name that none of the others has', () => {
  const names = ['bed', 'bed 2'].map((name) => ({ name, polygon: square }))
  expect(freeName(outlinesOf([], []), 'bed')).toBe('bed')
  expect(freeName(outlinesOf([], names), 'bed')).toBe('bed 3')
})

it('an outline that is moved as a whole keeps its shape at the edge of the picture', () => {
  const [moved] = moveAll(bed, 0, [0.9, -0.9])
  expect(moved!.corners).toEqual([
    [0.6, 0],
    [1, 0],
    [1, 0.4],
    [0.6, 0.4]
  ])
})

it('presses of a key in a row are undone in one step, other changes each in its own', () => {
  const steps = [0.21, 0.22, 0.23].map((x) => moveCorner(bed, 0, 0, [x, 0.2]))
  const pressed = steps.reduce((history, now) => change(history, now, '0 0'), begin(bed))
  const dragged = change(pressed, moveCorner(pressed.now, 0, 0, [0.3, 0.3]))
  expect(undo(dragged).now).toEqual(steps[2])
  expect(undo(undo(dragged)).now).toEqual(bed)
  expect(redo(undo(dragged)).now).toEqual(dragged.now)
})

const share = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 10_000)
const place = fc.tuple(share, share)
const name = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
const at = fc.nat(20)
/** What a person may do; the numbers mean the outline and the corner that there are. */
const action = fc.oneof(
  fc.record({ what: fc.constantFrom('mask', 'zone'), name }),
  fc.record({ what: fc.constant('name'), name }),
  fc.record({ what: fc.constantFrom('remove', 'addCorner', 'removeCorner', 'undo', 'redo') }),
  fc.record({ what: fc.constantFrom('corner', 'corner', 'all'), place })
)
type Action = { what: string; name?: string; place?: [number, number] }

function after(now: readonly Outline[], { what, name = '', place = [0, 0] }: Action, i: number, corner: number) {
  if (what === 'mask' || what === 'zone') return add(now, what, what === 'zone' ? freeName(now, name) : '')
  if (now.length === 0) return now
  const index = i % now.length
  const one = corner % now[index]!.corners.length
  if (what === 'name' && now[index]!.kind === 'zone') return rename(now, index, name)
  if (what === 'remove') return remove(now, index)
  if (what === 'addCorner') return addCorner(now, index, one)
  if (what === 'removeCorner') return removeCorner(now, index, one)
  if (what === 'corner') return moveCorner(now, index, one, place)
  return what === 'all' ? moveAll(now, index, [place[0] - 0.5, place[1] - 0.5]) : now
}

function done(history: History, one: Action, i: number, corner: number): History {
  if (one.what === 'undo') return undo(history)
  if (one.what === 'redo') return redo(history)
  const now = after(history.now, one, i, corner)
  return now.some((_, index) => faultAt(now, index)) ? history : change(history, now)
}

it('whatever is done, the YAML is accepted by the config and gives the same outlines, and undo leads back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(action, at, at), { maxLength: 25 }), async (actions) => {
      const start = begin(outlinesOf([square], [{ name: 'bed', polygon: square }]))
      const end = actions.reduce((history, [one, i, corner]) => done(history, one, i, corner), start)
      expect(await readBack(yamlOf(end.now))).toEqual(sorted(end.now))
      let back = end
      while (back.past.length > 0) back = undo(back)
      expect(back.now).toEqual(start.now)
      while (back.future.length > end.future.length) back = redo(back)
      expect(back.now).toEqual(end.now)
    }),
    { numRuns: 60 }
  )
})

it.each(['\ufffd ', 'a\u0085b', 'a\u2028b', '\ufeffx', '\ufffe', '\u007f', '"\\'])(
  'a zone named %j is accepted by the config, and is called so there',
  async (name) => {
    const [zone] = await readBack(yamlOf(outlinesOf([], [{ name, polygon: square }])))
    expect(zone?.name).toBe(name)
  }
)

it("the config's own numbers are given back as they are, and a mask covers what it was drawn over", async () => {
  const fine = [
    [1e-7, 0.123456789],
    [0.98765, 0.2],
    [0.5, 1]
  ] as const
  const read = await readBack(yamlOf(outlinesOf([fine], [])))
  expect(read[0]!.corners).toEqual(fine)
  expect(inPolygon({ x: 0.5, y: 0.5 }, read[0]!.corners)).toBe(true)
})

it('a camera without masks and zones has empty lists', async () => {
  expect(yamlOf([])).toBe('    masks: []\n    zones: []\n')
  expect(await readBack(yamlOf([]))).toEqual([])
})
