import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../../../src/core/version.js'
import { type ReportOptions, reportStudy } from '../../../src/study/report/index.js'
import { trainStudy } from '../../../src/study/train/index.js'
import { alarm } from '../evaluate-rig.js'
import { studyRig, trainOptions } from '../rig.js'

export interface ReportRig {
  folder: string
  data: string
  run: string
  options(changed?: Partial<ReportOptions>): ReportOptions
  /** What the reports of `report` have said. */
  readonly lines: readonly string[]
  report(changed?: Partial<ReportOptions>, signal?: AbortSignal): Promise<string>
  remove(): void
}

/** AU04 is strong in pain, AU12_r in happiness, AU45_c says nothing. */
function addUnits(data: string): void {
  const file = join(data, 'index.csv')
  const [header, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const lines = rows.map((row, i) => {
    const label = row.split(',')[2]
    return `${row},${label === 'pain' ? 3 : 0},${label === 'happiness' ? 2.5 : i % 2},${i % 2}`
  })
  writeFileSync(file, `${[`${header},AU04,AU12_r,AU45_c`, ...lines].join('\n')}\n`)
}

/** A run of train on tiny made-up crops, two folds, that was not evaluated yet. */
export async function reportRig(): Promise<ReportRig> {
  const rig = await studyRig({ subjects: 6, crops: 3 })
  addUnits(rig.data)
  const usual = trainOptions(rig, 'run')
  const { out: run } = usual
  const recipe = { ...usual.recipe, epochs: 12, patience: 12 }
  await trainStudy({ ...usual, folds: 2, views: 1, recipe }, () => undefined, new AbortController().signal)
  const options = (changed: Partial<ReportOptions> = {}): ReportOptions => ({
    run,
    out: join(rig.folder, 'report'),
    data: undefined,
    language: 'en',
    withPictures: false,
    pictures: 9,
    faces: 2,
    composites: ['lrp.z', 'lrp.sequential_preset_a_flat'],
    chance: { seed: 1, repetitions: 200 },
    threads: 1,
    alarm,
    ...changed
  })
  const lines: string[] = []
  return {
    folder: rig.folder,
    data: rig.data,
    run,
    options,
    lines,
    report: (changed, signal = new AbortController().signal) =>
      reportStudy(options(changed), (line) => lines.push(line), signal),
    remove: () => rmSync(rig.folder, { recursive: true, force: true })
  }
}

/** The command as users run it. */
export function commandOf(options: ReportOptions): string[] {
  const { run, out, pictures, faces, composites, chance, threads } = options
  return [
    ...[join(packageRoot, 'dist/main.js'), 'study', 'report', run, '--out', out, '--pictures', String(pictures)],
    ...['--faces', String(faces), '--composite', composites.join(), '--repetitions', String(chance.repetitions)],
    ...['--seed', String(chance.seed), '--threads', String(threads)]
  ]
}

/** Kills the command by SIGKILL `afterMs` after the moment has come; or lets it end before. */
export async function runAndKill(options: ReportOptions, afterMs: number, hasCome: () => boolean): Promise<void> {
  const child = spawn(process.execPath, commandOf(options), { stdio: 'ignore' })
  const ended = once(child, 'exit')
  while (child.exitCode === null && !hasCome()) await sleep(5)
  await Promise.race([sleep(afterMs), ended])
  child.kill('SIGKILL')
  await ended
}
