import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/core/version.js'
import { temporaryFolder, write } from './install-rig.js'
import { type DeviceNode, devicePolicy, knownSince, serviceDirectives, turnedAway } from './unit-devices.js'

const unit = readFileSync(join(packageRoot, 'deploy/jetson/painlens.service'), 'utf8')
/** Debian 11, Ubuntu 22.04 (JetPack 6), the two in between, Debian 12, Ubuntu 24.04 (JetPack 7), and later. */
const versions = [247, 249, 250, 251, 252, 255, 257]

/** What CUDA and the decoder open, on a Jetson Orin, on a Thor, on a PC. */
const nodes: DeviceNode[] = [
  { path: '/dev/nvmap', group: 'misc' },
  { path: '/dev/nvhost-ctrl-gpu', group: 'nvhost' },
  { path: '/dev/nvgpu/igpu0/ctrl', group: 'nvgpu' },
  { path: '/dev/v4l2-nvdec', group: 'video4linux' },
  { path: '/dev/dri/renderD128', group: 'drm' },
  { path: '/dev/nvidia0', group: 'nvidia' },
  { path: '/dev/nvidiactl', group: 'nvidiactl' },
  { path: '/dev/nvidia-uvm', group: 'nvidia-uvm' }
]

/** Reasons, one for each device that the unit may not open. */
const refusals = (text: string, version: number): string[] =>
  nodes.flatMap((node) => turnedAway(devicePolicy(text, version), node) ?? [])

/** The unit with lines more in [Service]. */
const planted = (...lines: string[]): string => unit.replace('[Install]', `${lines.join('\n')}\n\n[Install]`)

describe.each(versions)("the service's unit under systemd %i", (version) => {
  it("the service may open the GPU's device files", () => {
    expect(refusals(unit, version)).toEqual([])
  })

  it("the service may open the GPU's device files with install.sh's credentials drop-in", () => {
    const drop = '[Service]\nLoadCredential=mqtt-password:/etc/painlens/secrets/mqtt-password\n'
    expect(refusals(`${unit}\n${drop}`, version)).toEqual([])
  })

  it('the unit has no directive that this systemd ignores', () => {
    const ignored = serviceDirectives(unit).filter(([name]) => !((knownSince(name) ?? Infinity) <= version))
    expect(ignored).toEqual([])
  })
})

describe('a unit that turns the GPU away is found', () => {
  it.each<[string, number[]]>([
    ['ProtectClock=yes', [247, 249, 250, 251]],
    ['LoadCredentialEncrypted=x:/etc/x', [250, 251]],
    ['SetCredentialEncrypted=x: abc', [250, 251]],
    ['DeviceAllow=char-rtc r', versions],
    ['DevicePolicy=closed', versions],
    ['DevicePolicy=strict', versions],
    ['PrivateDevices=true', versions],
    ['PrivateUsers=yes', versions],
    ['InaccessiblePaths=-/dev/nvmap', versions],
    ['TemporaryFileSystem=/dev:ro', versions],
    ['RootDirectory=/srv/painlens', versions]
  ])('a unit that denies the GPU is detected: %s', (line, found) => {
    expect(versions.filter((version) => refusals(planted(line), version).length > 0)).toEqual(found)
  })

  it.each([
    ['ProtectClock=no'],
    ['# ProtectClock=yes'],
    ['DeviceAllow=char-rtc r', 'DeviceAllow='],
    ['DevicePolicy=closed', 'DevicePolicy=auto'],
    ['InaccessiblePaths=/devices'],
    ['DeviceAllow=char-* rw']
  ])('a unit that allows the GPU passes: %s', (...lines) => {
    for (const version of versions) expect(refusals(planted(...lines), version)).toEqual([])
  })

  it('every device that no rule allows is reported', () => {
    const found = refusals(planted('DeviceAllow=char-nvidia* rw', 'DeviceAllow=/dev/nvmap'), 249)
    expect(found).toHaveLength(nodes.length - 4)
    expect(found.join('\n')).not.toContain('not /dev/nvmap')
  })
})

it('without ProtectClock the clock stays protected: no capability and no system call to set it', () => {
  const all = (wanted: string): string[] =>
    serviceDirectives(unit).flatMap(([name, value]) => (name === wanted ? [value] : []))
  expect(all('CapabilityBoundingSet')).toEqual([''])
  expect(all('AmbientCapabilities')).toEqual([''])
  expect(all('SystemCallFilter').some((value) => value.startsWith('~') && value.split(' ').includes('@clock'))).toBe(
    true
  )
})

/** systemd-analyze of this machine, from 250 on, which reads a unit that is not installed. */
const analyze = (...args: string[]): string => {
  const { stdout, stderr } = spawnSync('systemd-analyze', ['--no-pager', ...args], { encoding: 'utf8' })
  return stdout + stderr
}
const analyzeVersion = Number(
  /^systemd (\d+)/.exec(spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 0
)

describe.skipIf(analyzeVersion < 250)('systemd-analyze of this machine', () => {
  const security = (file: string): string => analyze('security', '--offline=yes', file)

  it("systemd-analyze finds no device policy in the unit, and the clock's system calls filtered", () => {
    const said = security(join(packageRoot, 'deploy/jetson/painlens.service'))
    expect(said).toMatch(/DeviceAllow= +Service has no device ACL/)
    expect(said).toMatch(/PrivateDevices= +Service potentially has access to hardware devices/)
    expect(said).toMatch(/✓ SystemCallFilter=~@clock/)
    expect(said).toMatch(/✓ CapabilityBoundingSet=~CAP_SYS_TIME/)
  })

  it('systemd-analyze finds a planted device policy', () => {
    const file = write(join(temporaryFolder(), 'painlens.service'), planted('DevicePolicy=closed'))
    expect(security(file)).not.toContain('Service has no device ACL')
  })
})
