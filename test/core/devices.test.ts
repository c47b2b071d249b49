import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type DeviceWorld, refusedDevice } from '../../src/core/devices.js'
import { fixOf } from '../../src/core/error-codes/index.js'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0

/** Files that are there, and the code with which they refuse. */
const worldOf = (files: Record<string, string | null>): DeviceWorld => ({
  files: ['/dev/nvmap', '/dev/nvidia0', '/dev/nvidiactl'],
  access: (path) => {
    if (!(path in files)) throw Object.assign(new Error(), { code: 'ENOENT' })
    if (files[path]) throw Object.assign(new Error(), { code: files[path] })
  }
})

describe('a device file', () => {
  it('a device file that is missing or opens is not reported as refused', () => {
    expect(refusedDevice('gpu', worldOf({}))).toBeUndefined()
    expect(refusedDevice('gpu', worldOf({ '/dev/nvmap': null, '/dev/nvidia0': 'ENXIO' }))).toBeUndefined()
  })

  it('a refusal by the sandbox and one by the group have different remedies', () => {
    const bySandbox = refusedDevice('gpu', worldOf({ '/dev/nvmap': null, '/dev/nvidia0': 'EPERM' }))
    expect(bySandbox).toMatchObject({
      path: '/dev/nvidia0',
      code: 'PL-DEVICE-SANDBOX',
      fix: fixOf('PL-DEVICE-SANDBOX')
    })
    expect(bySandbox!.what).toMatch(/^\/dev\/nvidia0 cannot be opened: the sandbox.*\(Operation not permitted\)$/)
    const byGroup = refusedDevice('gpu', worldOf({ '/dev/nvmap': 'EACCES', '/dev/nvidia0': 'EPERM' }))
    expect(byGroup).toMatchObject({ path: '/dev/nvmap', code: 'PL-DEVICE-GROUP', fix: fixOf('PL-DEVICE-GROUP') })
    expect(byGroup!.what).toMatch(/\(Permission denied\)$/)
    expect(bySandbox!.fix).toContain('DeviceAllow')
    expect(byGroup!.fix).toContain('usermod')
  })
})

/** The kernel's answer on a file to a program with or without permission. */
const asked = (file: string): string[] => [
  '--input-type=module',
  '-e',
  `import { refusedDevice } from ${JSON.stringify(resolve('dist/core/devices.js'))}
   import { accessSync, constants } from 'node:fs'
   const access = (path) => accessSync(path, constants.R_OK | constants.W_OK)
   console.log(refusedDevice('gpu', { files: [${JSON.stringify(file)}], access })?.code ?? 'open')`
]

describe.runIf(isRoot)('the kernel itself', () => {
  it('a user outside the group of a device file gets EACCES from the kernel', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'painlens-device-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    chmodSync(folder, 0o755)
    const file = join(folder, 'nvmap')
    writeFileSync(file, '', { mode: 0o660 })
    expect((await run(process.execPath, asked(file))).stdout.trim()).toBe('open')
    expect((await run(process.execPath, asked(file), { uid: 65534, gid: 65534 })).stdout.trim()).toBe('PL-DEVICE-GROUP')
  })

  const devices = '/sys/fs/cgroup/devices'
  it.runIf(existsSync(join(devices, 'devices.deny')) || existsSync(join(devices, 'tasks')))(
    'a program whose device filter lacks the file gets EPERM from the kernel',
    () => {
      const group = join(devices, `painlens-test-${process.pid}`)
      mkdirSync(group)
      onTestFinished(() => rmdirSync(group))
      writeFileSync(join(group, 'devices.deny'), 'a')
      for (const rule of ['c 1:3 rwm', 'c 1:9 rwm', 'c 5:* rwm', 'c 136:* rwm'])
        writeFileSync(join(group, 'devices.allow'), rule)
      const inside = (file: string): string =>
        spawnSync('sh', ['-c', `echo $$ > ${group}/tasks; exec "$0" "$@"`, process.execPath, ...asked(file)], {
          encoding: 'utf8'
        }).stdout.trim()
      expect(inside('/dev/null')).toBe('open')
      expect(inside('/dev/full')).toBe('PL-DEVICE-SANDBOX')
    }
  )
})
