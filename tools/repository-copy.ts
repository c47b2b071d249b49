import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const built = ['dist', 'tools/dist']
const linked = ['node_modules', 'models/face']
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * A copy of the repository in which files may be changed: what git tracks or does not ignore, and the build; packages and
 * face models are links. It is removed when the process ends, by a signal too.
 * @param root the repository's root folder
 * @returns the copy's root folder
 */
export function copyOfRepository(root: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'painlens-copy-'))
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
  for (const signal of endings) process.once(signal, () => process.exit(128 + constants.signals[signal]))
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  const known = list.toString().split('\0').filter(Boolean)
  for (const path of [...known, ...built]) {
    if (!existsSync(join(root, path))) continue
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(root, path), join(copy, path), { recursive: true, preserveTimestamps: true })
  }
  for (const path of linked) symlinkSync(join(root, path), join(copy, path))
  return copy
}
