import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** `npm run build`, but for the packages. The face models are written anew only where they are not those of these sources. */
const steps = ['scripts/build.mjs', 'tools/dist/face-models/main.js']

/**
 * Worker threads run compiled code and the face models of the checkout, so both have to be as new as the sources that the
 * tests import.
 * @returns removes the folder of what test files share (test/support/room-film.ts)
 * @throws Error with the compiler's messages: no test runs against code that does not compile
 */
export default function setup(): () => void {
  for (const step of steps) {
    const built = spawnSync(process.execPath, [step], { encoding: 'utf8' })
    if (built.status !== 0) throw new Error(built.stderr)
  }
  const shared = mkdtempSync(join(tmpdir(), 'painlens-shared-'))
  // What a worker process of vitest inherits.
  process.env.PAINLENS_TEST_SHARED = shared
  return () => rmSync(shared, { recursive: true, force: true })
}
