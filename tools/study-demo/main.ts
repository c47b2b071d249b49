import sharp from 'sharp'
import { messageOf } from '#painlens/core/errors.js'
import { duration } from '#painlens/core/progress-line.js'
import { parseDemoArguments, runDemo, usage } from './demo.js'
import { installModel } from './model.js'

/** Each face is small: several at once, one thread each, beat one face on all threads. */
sharp.concurrency(1)

const write = (text: string): void => void process.stdout.write(text)
const abort = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort(new Error('stopped')))

try {
  const options = parseDemoArguments(process.argv.slice(2))
  if (!options) write(usage)
  else {
    const seconds = await runDemo(options, write, abort.signal)
    const all = Object.values(seconds).reduce((sum, one) => sum + one, 0)
    write(`${duration(all * 1000)} in all. The report: ${options.out}/report/report.html\n`)
    if (options.install) await installModel(options.out)
  }
} catch (error) {
  process.stderr.write(`study:demo: ${messageOf(error)}\n`)
  process.exitCode = 1
}
