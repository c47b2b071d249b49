/** What it costs to see whether a picture shows something, and lives. */
import type { Frame } from '#painlens/core/types.js'
import { median } from '#painlens/lib/statistics/index.js'
import { PictureWatch } from '#painlens/stages/camera/picture-watch.js'
import { ms, quantile, table } from './table.js'

const looks = 1000
/** The code is still being compiled during these. */
const warmUp = 200

/** Of frames that are all new, and of one that comes again and again. */
export function lookTable(frames: readonly Frame[]): string {
  const rows = Object.entries({ new: frames, 'the same': frames.slice(0, 1) }).map(([name, shown]) => {
    const { times, cpuMs } = measure(shown)
    return [name, ms(median(times)), ms(quantile(times, 0.99)!), ms(cpuMs)]
  })
  return table(['a picture that is', 'median ms', 'p99 ms', 'mean ms of CPU time'], rows)
}

/** CPU time, too, since it says the same on a machine that is busy with other work. */
function measure(frames: readonly Frame[]): { times: number[]; cpuMs: number } {
  const watch = new PictureWatch(frames[0]!, [])
  const look = (i: number): void => void watch.look(frames[i % frames.length]!.data, i * 200)
  for (let i = 0; i < warmUp; i++) look(i)
  const before = process.cpuUsage()
  const times = Array.from({ length: looks }, (_, i) => {
    const startedAt = performance.now()
    look(warmUp + i)
    return performance.now() - startedAt
  })
  const { user, system } = process.cpuUsage(before)
  return { times, cpuMs: (user + system) / 1000 / looks }
}
