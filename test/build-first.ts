import { spawnSync } from 'node:child_process'

/** Worker threads run compiled code, so the build has to be as new as the sources that the tests import. */
export default function setup(): void {
  const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { encoding: 'utf8' })
  if (tsc.status !== 0) process.stderr.write(`tsc says:\n${tsc.stdout}${tsc.stderr}`)
}
