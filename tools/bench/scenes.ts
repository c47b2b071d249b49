/** What the tracker and the alarm stage make of scenes whose truth is known; deterministic, with a clock of its own. */
import { configSchema } from '#painlens/config/schema.js'
import type { EndReason } from '#painlens/contract/conditions.js'
import type { AlarmMessage } from '#painlens/contract/messages.js'
import type { Clock, Moment } from '#painlens/core/clock.js'
import type { Box } from '#painlens/core/types.js'
import { alarmOptions } from '#painlens/daemon/wiring/mapping.js'
import { overlap } from '#painlens/lib/face/boxes.js'
import { Tracker } from '#painlens/lib/face/tracker.js'
import { createRandom, type Random } from '#painlens/lib/random.js'
import { median } from '#painlens/lib/statistics/index.js'
import { type Alarms, createAlarms } from '#painlens/stages/alarm/index.js'
import { type Course, type Person, type Scene, scenes } from './scene-list.js'
import { table } from './table.js'

/** Frames per second: as the config has them, and as a box has them that is too slow for its cameras. */
const rates = [5, 1]
const beginning = Date.UTC(2026, 0, 1)
const camera = 'bench'
/** A face is missed in that share of frames where nothing covers it. */
const usuallyMissed = 0.04
/** Deviations of a box's place and size, in its widths, and of a score. */
const noise = { place: 0.02, size: 0.03, score: 0.07 }
/** From how much of it on a face behind another one is not found. */
const hidden = 0.2
/** The detector's score from which on a place is a face, and from which on where one was a moment ago. */
const least = { anywhere: 0.5, known: 0.25 }
/** Consecutive frames in which a track has another person's face before that counts as taken over. */
const takenOverFrames = 3

interface Detection {
  person: Person | null
  box: Box
  score: number
}

/** What became of one course. */
interface Outcome {
  missed: number
  episodes: number
  falseAlarms: number
  /** Of the episodes that raised an alarm. */
  onsetS: number[]
  /** In the episodes. */
  alarms: number
  swapped: boolean
  wrongCleared: number
  ends: EndReason[]
}

const { rules, priorities } = alarmOptions(
  configSchema.parse({
    device: 'bench',
    mqtt: { url: 'mqtt://localhost' },
    cameras: [{ id: camera, url: 'rtsp://localhost/bench' }]
  })
)

/** A table for each rate. */
export const scenesTables = (): string =>
  rates.map((fps) => `${fps} per second\n\n${tableAt(fps)}\n\n${int8At(fps)}`).join('\n\n')

function tableAt(fps: number): string {
  const head = ['scene', 'courses', 'pain missed', 'false alarms', 's to onset', 'alarms per episode', 'swaps']
  const rows = scenes.map((scene) => row(scene, fps))
  return table([...head, 'wrongly `cleared`', 'ended otherwise'], rows)
}

/** What becomes of each course; the same each time. @param precision in what numbers the faces are judged */
export const outcomesOf = ({ courses }: Scene, fps: number, precision: 'float32' | 'int8' = 'float32'): Outcome[] =>
  courses.map((course, i) => run(course, fps, createRandom(1000 + i), precision === 'int8' ? createRandom(i) : null))

/** In how many courses alarms are others where int8 judges. */
function int8At(fps: number): string {
  const alarmsOf = ({ onsetS: _, ...outcome }: Outcome) => JSON.stringify(outcome)
  const pairs = scenes.flatMap((scene) => {
    const quick = outcomesOf(scene, fps, 'int8')
    return outcomesOf(scene, fps).map((outcome, i) => [outcome, quick[i]!] as const)
  })
  const others = pairs.filter(([outcome, quick]) => alarmsOf(outcome) !== alarmsOf(quick)).length
  const later = pairs.flatMap(([{ onsetS }, quick]) => onsetS.map((at, i) => Math.abs(at - (quick.onsetS[i] ?? at))))
  return `Judged in int8, confirmed by float32: other alarms in ${others} of ${pairs.length} courses; onsets differ by ${Math.max(...later).toFixed(1)} s at most.`
}

/** What int8 is off by: 0.008 on average, and now and then up to 0.1, as measured with pain-demo. */
const int8Error = (random: Random): number =>
  Math.min(0.1, Math.max(-0.1, random.normal(0, random.chance(0.05) ? 0.05 : 0.008)))

/** Scores near which float32 is asked. */
const thresholds = [rules.onsetThreshold, rules.clearThreshold]

function row(scene: Scene, fps: number): string[] {
  const { name, courses } = scene
  const outcomes = outcomesOf(scene, fps)
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0)
  const episodes = sum((outcome) => outcome.episodes)
  const onsets = outcomes.flatMap(({ onsetS }) => onsetS)
  const unknown = outcomes.flatMap(({ ends }) => ends).filter((reason) => reason !== 'cleared' && reason !== 'stopped')
  return [
    name,
    `${courses.length}`,
    `${sum((outcome) => outcome.missed)} of ${episodes}`,
    `${sum((outcome) => outcome.falseAlarms)}`,
    onsets.length > 0 ? median(onsets).toFixed(1) : '',
    episodes > 0 ? (sum(({ alarms }) => alarms) / episodes).toFixed(2) : '',
    `${outcomes.filter(({ swapped }) => swapped).length}`,
    `${sum(({ wrongCleared }) => wrongCleared)}`,
    counted(unknown)
  ]
}

function counted(reasons: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => `${count} \`${reason}\``).join(', ')
}

/** @param errors of int8; null where float32 judges */
function run(course: Course, fps: number, random: Random, errors: Random | null): Outcome {
  const room = new Room(course, fps, random, errors)
  for (let frame = 0; frame < course.seconds * fps; frame++) room.pass(frame / fps)
  return judge(course, room.end(), [...room.carried.values()])
}

/** A camera, its tracker and its alarms, and a clock that goes from frame to frame. */
class Room {
  /** By track: whose face it had in each frame. */
  readonly carried = new Map<number, string[]>()
  readonly #tracker = new Tracker({ minScore: least.anywhere })
  readonly #alarms: Alarms
  readonly #said: AlarmMessage[] = []
  /** By person: what the last score was off by. */
  readonly #off = new Map<string, number>()
  #now = beginning as Moment

  constructor(
    private readonly course: Course,
    private readonly fps: number,
    private readonly random: Random,
    private readonly errors: Random | null
  ) {
    let id = 0
    const clock: Clock = { now: () => this.#now }
    const newId = () => `${id++}`
    this.#alarms = createAlarms({ cameras: {}, facility: null, rules, priorities, model: null, clock, newId })
  }

  /** A frame at `t` seconds. */
  pass(t: number): void {
    this.#now = (beginning + Math.round(t * 1000)) as Moment
    const found = this.#detect(t)
    const { ids, lost } = this.#tracker.update(found, this.#now)
    for (const [i, detection] of found.entries()) {
      const track = ids[i] ?? null
      if (track !== null) this.#observe(track, detection)
    }
    for (const track of lost) this.#alarms.trackLost(camera, track)
    this.#said.push(...this.#alarms.tick(this.#now))
  }

  end(): AlarmMessage[] {
    return [...this.#said, ...this.#alarms.shutdown(this.#now)]
  }

  #observe(track: number, { person, box }: Detection): void {
    const name = person?.name ?? 'nothing'
    const names = this.carried.get(track) ?? []
    names.push(name)
    this.carried.set(track, names)
    const score = person?.usable === false ? null : this.#scoreOf(name, person?.score ?? this.random())
    const at = this.#now
    const judged = { score, precision: 'float32', ...(score !== null && this.#inInt8(score)) } as const
    const { alarms, question } = this.#alarms.observe({ camera, track, at, ...judged, box })
    this.#said.push(...alarms)
    if (question) this.#said.push(...this.#alarms.answer(question, score))
  }

  /** As int8 judges it, but near thresholds, where float32 does. */
  #inInt8(score: number): { score: number; precision: 'int8' } | null {
    if (this.errors === null) return null
    const quick = Math.min(1, Math.max(0, score + int8Error(this.errors)))
    return thresholds.some((each) => Math.abs(quick - each) <= 0.1) ? null : { score: quick, precision: 'int8' }
  }

  /** Off by something that changes slowly, as a classifier is. */
  #scoreOf(name: string, score: number): number {
    const off = 0.6 * (this.#off.get(name) ?? 0) + this.random.normal(0, noise.score)
    this.#off.set(name, off)
    return Math.min(1, Math.max(0, score + off))
  }

  #detect(t: number): Detection[] {
    const { people, ghosts = 0 } = this.course
    const present = people(t)
    const found = present.flatMap((person, i) => this.#find(person, present.slice(0, i)))
    if (!this.random.chance(ghosts / this.fps)) return found
    const [x, y] = [this.random.uniform(0, 1100), this.random.uniform(0, 600)]
    return [...found, { person: null, box: { x, y, width: 90, height: 108 }, score: 0.55 }]
  }

  /** @param inFront those who may cover the face */
  #find(person: Person, inFront: readonly Person[]): Detection[] {
    const covered = Math.max(0, ...inFront.map(({ box }) => share(person.box, box)))
    const isMissed = this.random.chance(this.course.missed ?? usuallyMissed)
    const score = Math.min(0.99, this.random.normal(0.85, 0.08) - 2 * covered)
    const box = jittered(person.box, this.random)
    const isKnown = this.#tracker.tracks.some((track) => overlap(track.box, box) > 0.3)
    const isFound = score >= (isKnown ? least.known : least.anywhere)
    return isMissed || covered > hidden || !isFound || person.seen === false ? [] : [{ person, box, score }]
  }
}

/** How much of a box another one covers, 0..1. */
function share(box: Box, other: Box): number {
  const across = Math.min(box.x + box.width, other.x + other.width) - Math.max(box.x, other.x)
  const down = Math.min(box.y + box.height, other.y + other.height) - Math.max(box.y, other.y)
  return across > 0 && down > 0 ? (across * down) / (box.width * box.height) : 0
}

function jittered({ x, y, width, height }: Box, random: Random): Box {
  const by = (deviation: number) => random.normal(0, deviation * width)
  const growth = 1 + random.normal(0, noise.size)
  const [w, h] = [width * growth, height * growth]
  return { x: x + (width - w) / 2 + by(noise.place), y: y + (height - h) / 2 + by(noise.place), width: w, height: h }
}

/** Scores are smoothed, so that an alarm may start that long after the pain has ended, and rightly end that soon before. */
const graceS = 3

function judge({ pain }: Course, said: readonly AlarmMessage[], carried: readonly string[][]): Outcome {
  const secondsOf = ({ updated }: AlarmMessage) => (Date.parse(updated) - beginning) / 1000
  const isWithin = (t: number) => pain.some(([from, to]) => t >= from && t < to + graceS)
  const starts = said.filter(({ phase }) => phase === 'start')
  const ends = said.filter(({ phase }) => phase === 'end')
  const firsts = pain.map(([from, to]) => starts.map(secondsOf).find((t) => t >= from && t < to + graceS))
  const onsetS = firsts.flatMap((at, i) => (at === undefined ? [] : [at - pain[i]![0]]))
  return {
    episodes: pain.length,
    missed: firsts.filter((at) => at === undefined).length,
    falseAlarms: starts.filter((start) => !isWithin(secondsOf(start))).length,
    onsetS,
    alarms: starts.filter((start) => isWithin(secondsOf(start))).length,
    swapped: carried.some(isTakenOver),
    wrongCleared: ends.filter((end) => end.reason === 'cleared' && pain.some(([a, b]) => isIn(secondsOf(end), a, b)))
      .length,
    ends: ends.flatMap(({ reason }) => reason ?? [])
  }
}

const isIn = (t: number, from: number, to: number): boolean => t >= from && t < to

/** Whether two people have had a track, each for some frames in succession. */
function isTakenOver(names: readonly string[]): boolean {
  const owners = new Set<string>()
  for (const [i, name] of names.entries()) {
    const before = names.slice(Math.max(0, i - takenOverFrames + 1), i + 1)
    if (before.length === takenOverFrames && before.every((other) => other === name)) owners.add(name)
  }
  return owners.size > 1
}
