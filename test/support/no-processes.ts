/** Before each unit test file: one that starts a process is no unit test, see test/unit.ts. */
import childProcess, { ChildProcess } from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'

function refuse(): never {
  throw new Error('a unit test starts no process: take the file out of the list in test/unit.ts')
}

Object.assign(childProcess, { spawnSync: refuse, execSync: refuse, execFileSync: refuse })
// What spawn, exec, execFile and fork have in common.
Object.assign(ChildProcess.prototype, { spawn: refuse })
syncBuiltinESMExports()
