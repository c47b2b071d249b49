import sharp from 'sharp'
import { messageOf, PainlensError } from '#painlens/core/errors.js'
import { parseTrainArguments, usage } from './arguments.js'
import { train } from './train.js'

/** Each face is small: several at once, one thread each, beat one face on all threads. */
sharp.concurrency(1)

const write = (text: string): void => void process.stdout.write(text)

try {
  const options = parseTrainArguments(process.argv.slice(2))
  if (options.help) write(usage)
  else {
    const { accuracy } = await train(options, write)
    const share = ((accuracy.share ?? 0) * 100).toFixed(1)
    write(
      `${share} % right of ${accuracy.count} faces of people it never saw; ${options.out}/pain-demo.md tells more.\n`
    )
  }
} catch (error) {
  process.stderr.write(`train: ${messageOf(error)}\n`)
  process.exitCode = error instanceof PainlensError ? error.exitCode : 1
}
