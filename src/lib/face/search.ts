import { InferenceError } from '../../core/errors.js'
import type { Box, Size, UnusableReason } from '../../core/types.js'
import { type Candidate, overlap, suppress } from './boxes.js'
import { relight } from './light.js'
import { agreed, type Look, landmarkSide, look, lookOnce, type Marked, mark, markAround, squareAround } from './look.js'
import { type FaceNetworks, frameTensor, viewOfFrame } from './networks.js'
import { coverage } from './probes.js'
import { qualityOf } from './quality.js'
import { regionsOf } from './regions.js'
import { quarterTurned, type Small, shrink } from './shrink.js'
import { boxOf, type FacePlace, inTurn, type Pixels, type Square, toFrame } from './similarity.js'
import type { LooksShare, SearchPlan, Sweep } from './sweeps.js'
import { leastUpright, whyUnusable } from './usable.js'

export interface FoundFace extends Candidate, Marked {
  place: FacePlace
  /** Null where it is usable. */
  whyNot: UnusableReason | null
}

export interface SearchOptions extends SearchPlan {
  /** The score from which on a place is a face, 0..1. */
  minScore: number
}

/** Measured in docs/measured/faces.md, as are the following. */
const finderMultiple = 32
/** The finder only proposes, so it may be wrong often; its proposals are looked at one by one. */
const leastProposal = 0.05
const mostProposals = 12
/** A proposal that is worth more than four looks, and one that is worth it in a picture that no other follows. */
const likelyProposal = 0.3
const possibleProposal = 0.2
/** The finder's boxes are about a third too wide, a few are twice; the side of the square to look at, in their mean sides. */
const proposalSquare = 2.4
const closerSquare = 2
/** Where a face was a moment ago, that share of the score will do. */
const keptScore = 0.5
/** Two boxes of one face overlap at least that much. */
const sameFace = 0.35
/** A face turned further than that is worth a second look, in degrees. */
const straightWithin = 15
/** Turns from what the sweep takes for upright, likeliest first. */
const quarters = [0, 180, 90, -90] as const
/** … and where a quarter shows something that may be a face, but none shows it upright. */
const eighths = [45, -45, 135, -135] as const
const turns = [...quarters, ...eighths]
const otherTurns = turns.filter((turn) => turn !== 0)
/**
 * From there on a face stands upright and is looked at in no other turn (see `uprightness`). Below it a beard that hangs upwards may be hair: bearded
 * faces read from -0.4 on upright, and up to -0.14 upside down.
 */
const surelyUpright = 0.3
/** By how much a turn has to be better than one that is likelier, in its reading or, where no turn shows an upright face, its score. */
const inFavour = 0.2

/**
 * Finds the faces of a frame with their landmarks and their roll, best first: near where faces were before and, by the
 * finder, in the whole frame. What the finder proposes counts only as far as the detector agrees, in the turn in which
 * the landmarks say that it is upright.
 */
export async function searchFaces(networks: FaceNetworks, frame: Pixels, options: SearchOptions): Promise<FoundFace[]> {
  if (frame.data.length !== frame.width * frame.height * 3)
    throw new InferenceError(
      'PL-FACE-FAILED',
      `has ${frame.data.length} bytes`,
      `a frame of ${frame.width}x${frame.height}`
    )
  const search = new Search(networks, frame, options)
  for (const place of options.around) await search.addKnown(place)
  const lost = search.faces.length < options.around.length
  for (const sweep of lost && options.ifLost ? options.ifLost : options.sweeps) await search.addSwept(sweep)
  await search.addMissed()
  return suppress(search.faces, sameFace)
}

/** What the finder proposes. */
interface Proposal {
  place: FacePlace
  score: number
}

/** How proposals are looked at. */
interface Way {
  /** Of the square, in a proposal's mean sides. */
  square: number
  /** The score from which on a proposal is looked at in eighths where it shows nothing in quarters. */
  eighthsFrom: number
  /** How upright it has to stand to count at all. */
  uprightFrom: number
}
const atFirst: Way = { square: proposalSquare, eighthsFrom: likelyProposal, uprightFrom: Number.NEGATIVE_INFINITY }
const onceMore: Way = { square: closerSquare, eighthsFrom: possibleProposal, uprightFrom: surelyUpright }

const squareOf = ({ place: { centre, width, height, roll } }: Proposal, turn: number, square: number): Square => ({
  centre,
  side: square * Math.sqrt(width * height),
  roll: inTurn(roll + turn)
})

/** What to look at in a round, and how turned: what is likely as the finder sees it, then a part of all the rest. */
function lookList(proposals: readonly Proposal[], { looks, round }: LooksShare): [Proposal, number][] {
  const likely = proposals.filter(({ score }) => score >= likelyProposal)
  const all = turns.flatMap((turn) => proposals.map((proposal): [Proposal, number] => [proposal, turn]))
  const rest = all.filter(([{ score }, turn]) => turn !== 0 || score < likelyProposal)
  const from = rest.length === 0 ? 0 : (round * looks) % rest.length
  return [
    ...likely.map((proposal): [Proposal, number] => [proposal, 0]),
    ...[...rest.slice(from), ...rest.slice(0, from)].slice(0, looks)
  ]
}

/** How a face looks in one turn. */
interface Sight {
  seen: Look
  marked: Marked
}

/** The first that is best but for a little, for the likeliest turn comes first. */
function best(sights: readonly Sight[], rated: (sight: Sight) => number): Sight | undefined {
  let chosen = sights[0]
  for (const sight of sights) if (rated(sight) > rated(chosen!) + inFavour) chosen = sight
  return chosen
}

class Search {
  readonly faces: FoundFace[] = []
  readonly #smalls = new Map<string, Small>()
  /** Proposals that showed no face in a picture that no other follows. */
  readonly #missed: Proposal[] = []

  constructor(
    private readonly networks: FaceNetworks,
    private readonly frame: Pixels,
    private readonly options: Pick<SearchOptions, 'minScore' | 'share'>
  ) {}

  async addKnown(place: FacePlace): Promise<void> {
    const { networks, frame } = this
    const seen = await look(networks, frame, squareAround(place))
    if (!seen || seen.score < keptScore * this.options.minScore) return
    const marked = await mark(networks, frame, seen.place)
    const otherwise = marked.upright < leastUpright ? await this.#otherwise(seen.place) : undefined
    const sight = otherwise ?? { seen, marked }
    this.#add(sight.seen, sight.marked)
  }

  /**
   * A followed face that does not stand upright may be turned otherwise than it was taken for: it was covered when it came,
   * or is another one that has come to its place. A frame that takes a part of the looks takes one of the other turns.
   */
  async #otherwise(place: FacePlace): Promise<Sight | undefined> {
    const { share, minScore } = this.options
    for (const turn of share ? [otherTurns[share.frame % otherTurns.length]!] : otherTurns) {
      const sight = await this.#sight(squareAround({ ...place, roll: inTurn(place.roll + turn) }))
      if (sight && sight.marked.upright >= surelyUpright && sight.seen.score >= minScore) return sight
    }
    return undefined
  }

  /** Adds what the finder proposes and the detector confirms. */
  async addSwept({ turn, length, ifNone }: Sweep): Promise<void> {
    if (ifNone && this.faces.length > 0) return
    const small = this.#small(turn, length)
    const view = viewOfFrame(small, finderInput(small, length))
    const proposals = await this.networks.find(frameTensor(small, small.data), view, leastProposal)
    const places = proposals
      .slice(0, mostProposals)
      .map(({ box, score }) => ({ place: placeOf(box, small, turn), score }))
    if (this.options.share === undefined)
      for (const proposal of places) {
        const isFound = await this.#addProposed(proposal, atFirst)
        if (!isFound && proposal.score >= possibleProposal) this.#missed.push(proposal)
      }
    else for (const [proposal, by] of lookList(places, this.options.share)) await this.#addGlimpsed(proposal, by)
  }

  /** A stream comes back to them; a picture that is alone has no other chance. After all else, for a doubtful find hides a better one. */
  async addMissed(): Promise<void> {
    for (const proposal of this.#missed) await this.#addProposed(proposal, onceMore)
  }

  /** A look in one turn; in all of them where it shows a face that stands otherwise. */
  async #addGlimpsed(proposal: Proposal, turn: number): Promise<void> {
    if (this.#isKnown(proposal)) return
    const sight = await this.#sightOf(proposal, turn, proposalSquare)
    if (!sight || sight.seen.score < this.options.minScore) return
    if (sight.marked.upright >= surelyUpright) await this.#addNew(sight)
    else await this.#addProposed(proposal, atFirst)
  }

  #isKnown({ place }: Proposal): boolean {
    return this.faces.some((face) => covers(face.box, boxOf(place)))
  }

  /**
   * In the first turn in which detector and landmarks agree that it surely stands upright, else in that in which it most does, or where the
   * detector is surest.
   * @returns whether a face is there
   */
  async #addProposed(proposal: Proposal, { square, eighthsFrom, uprightFrom }: Way): Promise<boolean> {
    if (this.#isKnown(proposal)) return true
    const isUpright = ({ seen, marked }: Sight, least: number): boolean =>
      marked.upright >= least && seen.score >= this.options.minScore
    const sights: Sight[] = []
    const upright = (): Sight[] => sights.filter((sight) => isUpright(sight, leastUpright))
    for (const turn of turns) {
      const isEnough = upright().length > 0 || (sights.length === 0 && proposal.score < eighthsFrom)
      if (turn === eighths[0] && isEnough) break
      const sight = await this.#sightOf(proposal, turn, square)
      if (sight) sights.push(sight)
      if (sight && isUpright(sight, surelyUpright)) break
    }
    const chosen = best(upright(), ({ marked }) => marked.upright) ?? best(sights, ({ seen }) => seen.score)
    if (!chosen || chosen.seen.score < this.options.minScore || chosen.marked.upright < uprightFrom) return false
    await this.#addNew(chosen)
    return true
  }

  /** A face that no frame has shown before. */
  async #addNew({ seen, marked }: Sight): Promise<void> {
    if (marked.upright < leastUpright) this.#add(seen, marked)
    else this.#add(seen, marked, await markAround(this.networks, this.frame, seen.place, marked))
  }

  /** With the score of both nets. */
  async #sightOf(proposal: Proposal, turn: number, square: number): Promise<Sight | undefined> {
    const sight = await this.#sight(squareOf(proposal, turn, square))
    return sight && { ...sight, seen: { ...sight.seen, score: agreed(sight.seen.score, proposal.score) } }
  }

  /** Looked at once more where the landmarks say that it stands otherwise, for the detector is surest of upright faces. */
  async #sight(square: Square): Promise<Sight | undefined> {
    const { networks, frame } = this
    const seen = await look(networks, frame, square)
    if (!seen) return undefined
    const marked = await mark(networks, frame, seen.place)
    const isStraight = Math.abs(inTurn(marked.roll - seen.place.roll)) < straightWithin
    if (isStraight || marked.upright < leastUpright) return { seen, marked }
    const again = await lookOnce(networks, frame, squareAround({ ...seen.place, roll: marked.roll }))
    return { seen: again && again.score > seen.score ? again : seen, marked }
  }

  /**
   * What landmarks say that are none of an upright face says nothing.
   * @param marked in one view, as the reading of covers was fitted
   * @param better where the landmarks are
   */
  #add({ place, score }: Look, marked: Marked, better = marked): void {
    const { upright, marks } = marked
    const roll = upright >= leastUpright ? better.roll : place.roll
    const settled = { ...place, roll }
    const quality = qualityOf(this.frame, settled, better.landmarks)
    const covered = coverage(regionsOf(marks, landmarkSide, this.frame, marked.landmarks))
    const whyNot = whyUnusable({ ...quality, place: settled, upright, covered })
    this.faces.push({ ...better, roll, place: settled, box: boxOf(settled), score, whyNot })
  }

  #small(turn: Sweep['turn'], length: number): Small {
    const { width, height } = this.frame
    // A frame that is but a few pixels wide or high has to keep one of them.
    const factor = Math.max(1, Math.min(width, height, Math.floor(Math.max(width, height) / length)))
    const key = `${turn}/${factor}`
    const known = this.#smalls.get(key)
    if (known) return known
    const small = turn === 0 ? shrink(this.frame, factor) : quarterTurned(this.#small(0, length))
    if (turn === 0) relight(small.data, small)
    this.#smalls.set(key, small)
    return small
  }
}

/** Where in the frame a box lies that was found in a small picture. */
function placeOf(box: Box, { toFrame: way }: Small, roll: number): FacePlace {
  const scale = Math.hypot(way.a, way.b)
  const centre = toFrame(way, { x: box.x + box.width / 2, y: box.y + box.height / 2 })
  return { centre, width: box.width * scale, height: box.height * scale, roll }
}

function covers(face: Box, proposal: Box): boolean {
  const x = proposal.x + proposal.width / 2
  const y = proposal.y + proposal.height / 2
  const inside = x > face.x && x < face.x + face.width && y > face.y && y < face.y + face.height
  return inside || overlap(face, proposal) > sameFace
}

/** Of the picture's shape, each side rounded up to what the finder's cells demand. */
function finderInput({ width, height }: Size, length: number): Size {
  const scale = length / Math.max(width, height)
  const side = (pixels: number): number => Math.ceil((pixels * scale) / finderMultiple) * finderMultiple
  return { width: side(width), height: side(height) }
}
