import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What of a folder, itself included (as `.`), a user other than its owner may read or enter. */
export function readableByOthers(folder: string): string[] {
  return ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]
    .filter((name) => (statSync(join(folder, name)).mode & 0o077) !== 0)
    .sort()
}
