import { spawnSync } from 'node:child_process'

/**
 * Worker threads run compiled code, so the build has to be as new as the sources that the tests import.
 * @throws Error with the compiler's messages: no test runs against code that does not compile
 */
export default function setup(): void {
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(built.stderr)
}
