/** The demonstration's videos: rendered people who show what a study's participants show, with light, head and camera changing. */
import { join } from 'node:path'
import { createRandom, type Random } from '#painlens/lib/random.js'
import { type ActionUnits, createScene, type Pose, unitNames } from '#painlens/show/render/index.js'
import { type Day, daySeconds, poseAt, unitsAt } from '#painlens/show/simulate/day.js'
import { cover, covers } from '../bench/covers/index.js'
import { turnPortrait } from '../bench/rolls-rendered.js'
import { planSample, type SamplePlan, splits } from '../train/recipe.js'
import { renderPicture } from '../train/render-crops.js'
import { wholeVideo } from './video-file.js'

/** A row of the table that `painlens study prepare` takes; of the videos of subjects with the action units that they show, from 0 to 1. */
export interface TableRow extends ActionUnits {
  file: string
  subject: string
  label: string
  start_s: number
  end_s: number
  source: string
  intensity: number | ''
}

const fps = 2
/** Of the videos. */
const size = { width: 480, height: 400 }
/** Each stretch shows one expression for so long. */
const stretchS = 1
/** Of the stretches, so many show a head that lies, a face that something covers, a mouth that talks. */
const chances = { lying: 0.5, covered: 0.05, talking: 0.15 }

/** A video of one person: eight stretches of a second, each with its own expression, intensity, light, pose and distance. */
export async function filmSubject(person: number, folder: string, signal: AbortSignal): Promise<TableRow[]> {
  const subject = `p${String(person + 1).padStart(3, '0')}`
  const file = `${subject}.mp4`
  const plans = Array.from({ length: splits.study.samples }, (_, sample) => planSample('study', person, sample))
  await wholeVideo(join(folder, file), size, fps, signal, async (video) => {
    for (const plan of plans) for await (const picture of picturesOf(plan)) await video.write(picture)
  })
  return plans.map((plan, sample) => ({
    ...{ ...rowOf(plan, sample * stretchS, stretchS), file, subject },
    ...Object.fromEntries(unitNames.map((unit) => [unit, Number((plan.units[unit] ?? 0).toFixed(3))]))
  }))
}

function rowOf(
  { expression, intensity }: Pick<SamplePlan, 'expression' | 'intensity'>,
  start_s: number,
  seconds: number
): Omit<TableRow, 'file' | 'subject'> {
  return {
    label: expression,
    start_s,
    end_s: start_s + seconds,
    source: 'rendered',
    intensity: expression === 'neutral' ? '' : Number(intensity.toFixed(3))
  }
}

/** The pictures of one stretch, RGB24: the head as it lies in the room, what covers it and whether it talks are drawn apart from what it shows. */
async function* picturesOf(plan: SamplePlan): AsyncGenerator<Uint8Array> {
  const random = createRandom(plan.seed + 0x10000000)
  const roll = random.chance(chances.lying) ? random.uniform(-180, 180) : 0
  const covered = random.chance(chances.covered) ? random.pick(covers) : null
  const talks = random.chance(chances.talking)
  for (let frame = 0; frame < stretchS * fps; frame++) {
    const moved = frame === 0 ? plan : movedOn(plan, frame, random)
    const picture = await renderPicture(talks ? { ...moved, units: talking(moved.units, random()) } : moved)
    const data = covered ? await cover(picture, picture.landmarks, covered, random) : picture.data
    yield turnPortrait({ ...picture, data }, roll, size).data
  }
}

/** The same face a moment later: no head and no expression stands still, and the sensor's noise is another. */
function movedOn(plan: SamplePlan, frame: number, random: Random): SamplePlan {
  const { yaw, pitch, roll } = plan.pose
  const pose: Pose = {
    yaw: yaw + random.normal(0, 0.05),
    pitch: pitch + random.normal(0, 0.03),
    roll: roll + random.normal(0, 3),
    gaze: { x: random.normal(0, 0.28), y: random.normal(0, 0.16) }
  }
  const units = Object.fromEntries(
    Object.entries(plan.units).map(([unit, strength]) => [unit, Math.min(1, strength * random.uniform(0.9, 1.1))])
  )
  return { ...plan, pose, units, seed: plan.seed + 0x8000000 * frame }
}

/** A mouth that talks, at a moment 0..1 of a syllable. */
function talking(units: ActionUnits, moment: number): ActionUnits {
  const open = Math.sin(Math.PI * moment) ** 2
  return { ...units, AU25: Math.max(units.AU25 ?? 0, 0.2 + 0.5 * open), AU26: Math.max(units.AU26 ?? 0, 0.5 * open) }
}

/** A night scene's stretches in seconds; a resident at rest most of the time, in pain, glad and disgusted for a while each. */
export interface NightLengths {
  rest: number
  shown: number
}

/** Every second stretch of seven seconds a resident talks, whatever they show. */
const talksAt = (seconds: number): boolean => Math.floor(seconds / 7) % 2 === 1

/** A stretch at rest before each expression. */
const night = ({ rest, shown }: NightLengths, seed: number, random: Random): Day => ({
  stretches: (['pain', 'happiness', 'disgust'] as const).flatMap((expression) => [
    { expression: 'neutral' as const, intensity: 0, seconds: rest },
    { expression, intensity: random.uniform(...splits.nights.intensity), seconds: shown }
  ]),
  loop: false,
  seed
})

/** A long video of one person in bed, as a room camera sees it: what false alarms an hour are measured on. */
export async function filmNight(
  person: number,
  lengths: NightLengths,
  folder: string,
  signal: AbortSignal
): Promise<TableRow[]> {
  const subject = `n${String(person + 1).padStart(3, '0')}`
  const file = `${subject}.mp4`
  const { identity, light, noise, blur, seed } = planSample('nights', person, 0)
  const random = createRandom(seed)
  const day = night(lengths, seed, random)
  const centre = { x: random.uniform(200, 280), y: random.uniform(170, 210) }
  const faceSize = random.uniform(70, 110)
  await wholeVideo(join(folder, file), size, fps, signal, async (video) => {
    const scene = await createScene({ ...size, identity, light, centre, faceSize })
    for (let frame = 0; frame < daySeconds(day) * fps; frame++) {
      const seconds = frame / fps
      const units = unitsAt(day, seconds)
      const shown = talksAt(seconds) ? talking(units, random()) : units
      const { data } = await scene.render({
        units: shown,
        pose: poseAt(seed, seconds),
        noise,
        blur,
        seed: seed + frame
      })
      await video.write(data)
    }
  })
  const { stretches } = day
  return stretches.map((stretch, i) => {
    const start = daySeconds({ ...day, stretches: stretches.slice(0, i) })
    return { ...rowOf(stretch, start, stretch.seconds), file, subject }
  })
}
