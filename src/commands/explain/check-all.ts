import { join } from 'node:path'
import { InputError, printed } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { writeAtomically } from '../../stages/explain/index.js'
import { checkJson, checkPassed, checkReport } from './check-report.js'
import { type CheckedPicture, explainForCheck, flippedCurves, shuffledLikeness } from './checks.js'
import type { Job } from './job.js'
import { Counter } from './output.js'
import { Tally } from './tally.js'

/** Most pictures in the checks, spread evenly over the given ones; more change the result little. */
const mostPictures = 48

/**
 * Tests the explanations of the given pictures, composite by composite: the model-parameter randomisation test, and pixel
 * flipping. Reports the results in a table and in `check.json`.
 * @returns 0, or 1 if a check failed, a picture failed or the command was stopped
 */
export async function checkAll(job: Job): Promise<number> {
  const { output, out, signal, manifest } = job
  const counter = new Counter(output)
  const files = chosen(job)
  const tally = new Tally(job.passedOver, 'taken')
  try {
    const pictures = await takePictures(job, files, tally)
    const maps = await explainForCheck(job, pictures, counter)
    const flipping = await flippedCurves(job, pictures, maps, counter)
    const randomisation = await shuffledLikeness(job, pictures, maps, counter)
    signal.throwIfAborted()
    const results = { manifest, pictures, flipping, randomisation }
    await writeAtomically(join(out, 'check.json'), `${JSON.stringify(checkJson(results), null, 2)}\n`)
    counter.end()
    output.write(checkReport(results))
    output.write(`The curves are in ${printable(join(out, 'check.json'))}\n`)
    return checkPassed(results) ? tally.exitCode : 1
  } catch (error) {
    if (!signal.aborted) throw error
    output.complain('painlens: stopped before the checks were done.\n')
    return 1
  }
}

/** The pictures to check: all, or evenly spread ones if there are too many. */
function chosen({ pictures, output }: Job): Job['pictures'] {
  if (pictures.length <= mostPictures) return pictures
  output.write(`The checks take ${mostPictures} of the ${pictures.length} pictures.\n`)
  return Array.from({ length: mostPictures }, (_, i) => pictures[Math.floor((i * pictures.length) / mostPictures)]!)
}

/** Reports pictures that cannot be read or show no face, and skips them. @throws InputError if none is left */
async function takePictures(
  { faces, output, signal }: Job,
  files: Job['pictures'],
  tally: Tally
): Promise<CheckedPicture[]> {
  const pictures: CheckedPicture[] = []
  for (const { path } of files) {
    signal.throwIfAborted()
    try {
      const taken = await faces.take(path, signal)
      pictures.push(...taken.map(({ crop }) => ({ path, crop, target: null })))
      const { frames } = taken[0]!
      if (frames > 1) output.write(`${printable(path)}: frame 1 of ${frames} is taken.\n`)
      tally.done()
    } catch (error) {
      signal.throwIfAborted()
      tally.failed(error)
      output.complain(`painlens: ${printed(error)}\n`)
    }
  }
  output.write(`${tally.line}\n`)
  if (pictures.length > 0) return pictures
  throw new InputError('PL-PICTURE-ALL-FAILED', 'none of the pictures can be taken', printable(files[0]!.path))
}
