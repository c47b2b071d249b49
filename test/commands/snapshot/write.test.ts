import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { writePrivate } from '../../../src/commands/snapshot/write.js'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'painlens-write-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const bytes = new Uint8Array([1, 2, 3])

it('a picture is not written through a link: without --force it is refused, with it the link is replaced', async () => {
  const folder = await temporaryFolder()
  const [target, link] = [join(folder, 'target'), join(folder, 'link.png')]
  await writeFile(target, 'mine')
  await symlink(target, link)
  await expect(writePrivate(link, bytes, false)).rejects.toMatchObject({ code: 'PL-SNAPSHOT-EXISTS' })
  await writePrivate(link, bytes, true)
  expect(await readFile(target, 'utf8')).toBe('mine')
  expect([...(await readFile(link))]).toEqual([...bytes])
  expect(await readdir(folder)).toEqual(['link.png', 'target'])
})

it('of several pictures that are written under one name at the same time one is kept, complete', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'x.png')
  const all = await Promise.allSettled(Array.from({ length: 5 }, () => writePrivate(path, bytes, false)))
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect([...(await readFile(path))]).toEqual([...bytes])
  expect(await readdir(folder)).toEqual(['x.png'])
})

const isRoot = process.getuid?.() === 0

it.skipIf(!isRoot)('a picture written by root behind sudo belongs to the user that called it', async () => {
  const folder = await temporaryFolder()
  const { SUDO_UID, SUDO_GID } = process.env
  onTestFinished(() => void Object.assign(process.env, { SUDO_UID: SUDO_UID ?? '', SUDO_GID: SUDO_GID ?? '' }))
  Object.assign(process.env, { SUDO_UID: '65534', SUDO_GID: '65534' })
  const path = join(folder, 'x.png')
  await writePrivate(path, bytes, false)
  const { uid, gid, mode } = await stat(path)
  expect([uid, gid, (mode & 0o777).toString(8)]).toEqual([65534, 65534, '600'])
})
