/** Releases that were changed on their way to the box: on a USB stick, say. */
import { spawnSync } from 'node:child_process'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { install, makeBox, makeRelease, picture, temporaryFolder, write } from './install-rig.js'

const config = (): string => write(join(temporaryFolder(), 'painlens.yaml'), 'device: ward-3\n')

describe('install.sh', () => {
  it('a release with a file that its checksums do not name, a link, a named pipe or a device is refused', async () => {
    const box = makeBox()
    const before = picture(box)
    const release = makeRelease('1.0.0')
    const at = (name: string): string => join(release, name)
    const additions: [words: RegExp, add: () => unknown, path: string][] = [
      [/checksums do not know, \.\/dist\/more\.js:/, () => writeFileSync(at('dist/more.js'), 'x'), 'dist/more.js'],
      [/checksums do not know, .*hidden/, () => writeFileSync(at('.hidden'), 'x'), '.hidden'],
      [/checksums do not know, \$'\.\/a\\E\[2J'/, () => writeFileSync(at('a\u001b[2J'), 'x'), 'a\u001b[2J'],
      [/checksums do not know/, () => writeFileSync(at('two\nlines'), 'x'), 'two\nlines'],
      [/a link or a device, \.\/dist\/shadow:/, () => symlinkSync('/etc/shadow', at('dist/shadow')), 'dist/shadow'],
      [/a link or a device, \.\/etc:/, () => symlinkSync('/etc', at('etc')), 'etc'],
      [/a link or a device, \.\/pipe:/, () => spawnSync('mkfifo', [at('pipe')]), 'pipe']
    ]
    for (const [words, add, path] of additions) {
      add()
      const { status, output } = await install(release, box, '--config', config())
      expect(output).toMatch(words)
      expect(output).not.toContain('\u001b')
      expect(status).toBe(1)
      expect(picture(box)).toEqual(before)
      rmSync(at(path))
    }
    // A file that takes the place of another as a link, with the right content behind it.
    renameSync(at('RELEASE'), join(temporaryFolder(), 'RELEASE'))
    symlinkSync('/etc/hostname', at('RELEASE'))
    expect((await install(release, box, '--config', config())).status).toBe(1)
    expect(picture(box)).toEqual(before)
  })
})
