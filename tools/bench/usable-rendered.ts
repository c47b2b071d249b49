/** Which rendered residents count as usable, covered or not, in a camera that is rolled, and upright in poor light. */
import { centreOf, defaultMinScore } from '#painlens/lib/face/boxes.js'
import type { FaceNetworks } from '#painlens/lib/face/networks.js'
import { type FoundFace, searchFaces } from '#painlens/lib/face/search.js'
import { inTurn } from '#painlens/lib/face/similarity.js'
import { allSweeps } from '#painlens/lib/face/sweeps.js'
import { createRandom } from '#painlens/lib/random.js'
import {
  createElder,
  createIdentity,
  expressions,
  expressionUnits,
  type Identity,
  type Rendered,
  randomLight,
  randomPose,
  renderPortrait
} from '#painlens/show/render/index.js'
import { type Cover, cover, covers, ornaments } from './covers/index.js'
import { turnPortrait } from './rolls-rendered.js'
import { table } from './table.js'
import { farTones, inTone, type Tone } from './tones.js'

/** Identities that no training and no other bench uses. */
const firstSeed = 960_000
const frame = { width: 640, height: 480 }
const faceSize = 140

interface Resident {
  portrait: Rendered
  /** The head's own, in degrees. */
  roll: number
}

/** What became of the faces of one kind at one roll. */
interface Tally {
  found: FoundFace[]
  missed: number
  /** Found, and their roll is off by more than 15°. */
  askew: number
}

const people = { residents: createIdentity, elders: createElder }

/** Of those with nothing over their faces, and with ornaments, and how many of each cover are not judged, in percent. */
export async function renderedUsable(networks: FaceNetworks, rolls: readonly number[], count: number): Promise<string> {
  const rows: string[][] = []
  for (const [who, create] of Object.entries(people)) {
    const drawn: Resident[] = []
    for (let i = 0; i < count; i++) drawn.push(await draw(create(firstSeed + i), i))
    const views = [
      ...rolls.map((roll) => ({ name: `${roll}°`, roll, tone: (level: number) => level })),
      ...Object.entries(farTones).map(([name, tone]) => ({ name, roll: 0, tone }))
    ]
    for (const { name, ...view } of views) {
      const tallies = new Map<Cover, Tally>()
      for (const kind of [...ornaments, ...covers]) tallies.set(kind, await tallyOf(networks, drawn, kind, view))
      rows.push([`${who}, ${name}`, ...cellsOf(tallies)])
      process.stderr.write(`${rows.at(-1)!.join(' | ')}\n`)
    }
  }
  return table(['', 'uncovered: found', 'askew', 'usable', 'not, for', ...covers], rows)
}

async function draw(identity: Identity, i: number): Promise<Resident> {
  const { seed } = identity
  const random = createRandom(seed)
  const pose = randomPose(random)
  const units = expressionUnits(expressions[i % expressions.length]!, random.uniform(0.2, 1), random)
  const light = randomLight(random)
  const portrait = await renderPortrait({
    identity,
    units,
    pose,
    light,
    faceSize,
    noise: 3,
    seed
  })
  return { portrait, roll: pose.roll }
}

async function tallyOf(
  networks: FaceNetworks,
  residents: readonly Resident[],
  kind: Cover,
  { roll, tone }: { roll: number; tone: Tone }
): Promise<Tally> {
  const tally: Tally = { found: [], missed: 0, askew: 0 }
  for (const [i, { portrait, roll: own }] of residents.entries()) {
    const data = inTone(await cover(portrait, portrait.landmarks, kind, createRandom(firstSeed + i)), tone)
    const turned = turnPortrait({ ...portrait, data }, roll, frame)
    const faces = await searchFaces(networks, turned, { minScore: defaultMinScore, around: [], sweeps: allSweeps })
    const middle = { x: frame.width / 2, y: frame.height / 2 }
    const face = faces.find(
      ({ box }) => Math.hypot(centreOf(box).x - middle.x, centreOf(box).y - middle.y) < faceSize / 2
    )
    if (!face) tally.missed++
    else tally.found.push(face)
    if (face && Math.abs(inTurn(face.roll - roll - own)) > 15) tally.askew++
  }
  return tally
}

function cellsOf(tallies: ReadonlyMap<Cover, Tally>): string[] {
  const plain = ornaments.map((kind) => tallies.get(kind)!)
  const found = plain.flatMap((tally) => tally.found)
  const all = found.length + plain.reduce((sum, { missed }) => sum + missed, 0)
  const percent = (count: number, of: number): string => `${Math.round((100 * count) / of)}`
  const reasons = new Map<string, number>()
  for (const { whyNot } of found) if (whyNot !== null) reasons.set(whyNot, (reasons.get(whyNot) ?? 0) + 1)
  const told = covers.map((kind) => {
    const { found: own } = tallies.get(kind)!
    return own.length === 0 ? '' : percent(own.filter(({ whyNot }) => whyNot !== null).length, own.length)
  })
  return [
    percent(found.length, all),
    percent(
      plain.reduce((sum, { askew }) => sum + askew, 0),
      all
    ),
    percent(found.filter(({ whyNot }) => whyNot === null).length, all),
    [...reasons].map(([reason, count]) => `${reason} ${percent(count, all)}`).join(', '),
    ...told
  ]
}
