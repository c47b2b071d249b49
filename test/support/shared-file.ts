/** Files that several tests only read, made once in a run of the tests. */
import { mkdir, rename, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, parse } from 'node:path'

/** Where this run of the tests keeps them; test/build-first.ts makes and removes it. */
const folder = (): string => process.env.PAINLENS_TEST_SHARED ?? join(tmpdir(), `painlens-shared-${process.pid}`)

const asked = new Map<string, Promise<string>>()

/**
 * @param name what no other file of these is called
 * @param make writes it. The first test file that asks has it made; two processes that ask at the same time both do
 * @returns its path
 */
export function sharedFile(name: string, make: (file: string) => Promise<void>): Promise<string> {
  const file = asked.get(name) ?? madeOnce(name, make)
  asked.set(name, file)
  return file
}

async function madeOnce(name: string, make: (file: string) => Promise<void>): Promise<string> {
  const file = join(folder(), name)
  const isThere = await stat(file).then(
    () => true,
    () => false
  )
  if (isThere) return file
  await mkdir(folder(), { recursive: true })
  const { name: stem, ext } = parse(name)
  const own = join(folder(), `${stem}-${process.pid}${ext}`)
  await make(own)
  await rename(own, file)
  return file
}
