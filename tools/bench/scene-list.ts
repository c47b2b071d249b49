/** The scenes of `npm run bench -- scenes`: who is where, whose face can be seen, and who is in pain. */
import type { Box } from '#painlens/core/types.js'

export interface Person {
  name: string
  /** Of the face, in pixels of a frame of 1280x720. */
  box: Box
  /** The score that a perfect classifier would give, 0..1. */
  score: number
  /** Whether the face can be found and judged; true unless given. */
  seen?: boolean
  usable?: boolean
}

/** One course of a scene. Times are seconds since its beginning. */
export interface Course {
  seconds: number
  /** Those in front first: a face behind another one is not found. */
  people(t: number): Person[]
  /** From when to when there is pain, whether or not that can be seen. */
  pain: readonly (readonly [from: number, to: number])[]
  /** False faces per second. */
  ghosts?: number
  /** The share of frames in which a face is missed although nothing covers it; a few percent unless given. */
  missed?: number
}

export interface Scene {
  name: string
  courses: readonly Course[]
}

const painful = 0.92
const calm = 0.12
const width = 100
const bed = { x: 640, y: 360 }

const faceAt = (x: number, y: number, size = 1): Box => ({
  x: x - (width * size) / 2,
  y: y - (width * size * 1.2) / 2,
  width: width * size,
  height: width * size * 1.2
})

const resident = (score: number, more: Partial<Person> = {}): Person => ({
  name: 'resident',
  box: faceAt(bed.x, bed.y),
  score,
  ...more
})
const nurse = (x: number, y: number, size = 1.15): Person => ({ name: 'nurse', box: faceAt(x, y, size), score: calm })

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const product = <A, B>(as: readonly A[], bs: readonly B[]): [A, B][] => as.flatMap((a) => bs.map((b): [A, B] => [a, b]))

/** Courses that differ by their noise only. */
const repeated = (course: Course, count = 20): Course[] => times(count, () => course)

const speeds = [60, 100, 150, 220, 300, 400]
const directions = [-1, 1]
/** Of a frame, so that she is somewhere else in each course when she covers him. */
const phases = [0, 0.05, 0.1, 0.15]
/** How far above his face hers passes, in widths of his. */
const distances = [0, 0.35]

/** A nurse walks past a resident in pain, once he has been for ten seconds. */
const crossings = product(product(speeds, directions), product(phases, distances)).map(
  ([[speed, direction], [phase, distance]]): Course => {
    const seconds = 10 + 1280 / speed + 10
    const passes = 10 + 640 / speed + phase
    return {
      seconds,
      pain: [[0, seconds]],
      people: (t) => [
        ...onScreen(nurse(bed.x + direction * speed * (t - passes), bed.y - distance * width)),
        resident(painful)
      ]
    }
  }
)

const onScreen = (person: Person): Person[] => {
  const { x, y, width, height } = person.box
  const [middle, half] = [x + width / 2, y + height / 2]
  return middle > 0 && middle < 1280 && half > 0 && half < 720 ? [person] : []
}

/** How a nurse comes to a resident's place: seen all the way from a side, or with her face seen there only. */
const arrivals = ['left', 'right', 'above', 'unseen'] as const
/** How far beside his face hers is, in widths of his. */
const offsets = [0, 0.25, 0.5]
/** How long no face is seen before hers and after it, in seconds, where she is not seen coming. */
const gaps = [0.6, 1.2]

/** He turns away from the camera when she comes, and back when she goes. */
function careAtPlace(staysS: number): Course[] {
  return product(product(arrivals, offsets), gaps).map(([[arrival, offset], gap]) => {
    const [comes, goes] = [12, 12 + gap + staysS]
    const from = { left: [-1, 0], right: [1, 0], above: [0, -1], unseen: [0, 0] }[arrival]
    const walks = 200
    const at = (t: number) => {
      const away = Math.max(0, comes + gap - t, t - goes) * walks
      return nurse(bed.x + offset * width + from[0]! * away, bed.y + from[1]! * away)
    }
    const isSeen = (t: number) => arrival !== 'unseen' || (t >= comes + gap && t < goes)
    const seconds = goes + 20
    return {
      seconds,
      pain: [[0, seconds]],
      people: (t) => {
        const isAway = t >= comes && t < goes + gap
        return [...(isSeen(t) ? onScreen(at(t)) : []), resident(painful, { seen: !isAway })]
      }
    }
  })
}

/** She comes at a walk, stops with her face before his, and goes: he is in pain behind her and never looks away. */
const leansOver = product(product(speeds, ['left', 'right', 'above'] as const), offsets).map(
  ([[speed, arrival], offset], i): Course => {
    const comes = 15 + phases[i % phases.length]!
    const goes = comes + 4
    const seconds = goes + 20
    const from = { left: [-1, 0], right: [1, 0], above: [0, -1] }[arrival]
    const at = (t: number) => {
      const away = Math.max(0, comes - t, t - goes) * speed
      return nurse(bed.x + offset * width + from[0]! * away, bed.y + from[1]! * away)
    }
    return { seconds, pain: [[0, seconds]], people: (t) => [...onScreen(at(t)), resident(painful)] }
  }
)

const every = (t: number, period: number, share: number): boolean => t % period < share * period

/** A face that moves a little from visit to visit, as its head does. */
const shifted = (t: number, period: number): Box => {
  const visit = Math.floor(t / period)
  return faceAt(bed.x + 25 * Math.sin(visit * 2.4), bed.y + 15 * Math.cos(visit * 1.7))
}

const always = (seconds: number, people: Course['people'], more: Partial<Course> = {}): Course => ({
  seconds,
  people,
  pain: [[0, seconds]],
  ...more
})

export const scenes: readonly Scene[] = [
  { name: 'nurse passes a resident in pain, 60 to 400 px/s', courses: crossings },
  {
    name: 'the same, faces missed in 15 % of the frames',
    courses: crossings.map((course) => ({ ...course, missed: 0.15 }))
  },
  { name: "nurse's face at his place for 4 s", courses: careAtPlace(4) },
  { name: "nurse's face at his place for 20 s", courses: careAtPlace(20) },
  { name: 'nurse leans over him for 4 s, her face before his', courses: leansOver },
  {
    name: 'pain, seen 3 s and away 6 s for 1 min',
    courses: repeated(always(60, (t) => [resident(painful, { seen: every(t, 9, 1 / 3), box: shifted(t, 9) })]))
  },
  {
    name: 'score alternates every 4 s for 1 min',
    courses: repeated(always(64, (t) => [resident(every(t, 8, 0.5) ? painful : calm)]))
  },
  {
    name: 'pain, a hand before the face every other 2 s',
    courses: repeated(always(60, (t) => [resident(painful, { usable: every(t, 4, 0.5) })]))
  },
  {
    name: 'pain that comes on within 1 min',
    courses: repeated(
      always(120, (t) => [resident(calm + (painful - calm) * Math.min(1, t / 60))], { pain: [[36, 120]] })
    )
  },
  {
    name: 'pain for 30 s, then none',
    courses: repeated(always(70, (t) => [resident(t >= 10 && t < 40 ? painful : calm)], { pain: [[10, 40]] }))
  },
  {
    name: 'pain for 30 s, face turned away for 3 s, then none',
    courses: repeated(
      always(70, (t) => [resident(t >= 10 && t < 40 ? painful : calm, { seen: t < 38 || t >= 41 })], {
        pain: [[10, 40]]
      })
    )
  },
  {
    name: 'a resident in pain, a nurse beside him',
    courses: repeated(always(60, (t) => [nurse(bed.x + 130 + 12 * Math.sin(t), bed.y - 20), resident(painful)]))
  },
  {
    name: 'two single frames 4.8 s apart',
    courses: times(20, (i) => {
      const isFrame = (t: number, at: number) => Math.abs(t - at) < 0.09
      const from = 2 + i * 0.2
      return always(20, (t) => [resident(painful, { seen: isFrame(t, from) || isFrame(t, from + 4.8) })], { pain: [] })
    })
  },
  { name: 'empty bed, a false face every 5 s', courses: repeated(always(600, () => [], { pain: [], ghosts: 0.2 })) },
  {
    name: 'happy resident, 1 s of a high score every 20 s',
    courses: repeated(always(600, (t) => [resident(every(t, 20, 0.05) ? 0.85 : 0.25)], { pain: [] }))
  }
]
