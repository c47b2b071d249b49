import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/core/version.js'

const unit = readFileSync(`${packageRoot}deploy/jetson/painlens.service`, 'utf8')
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0

describe('painlens.service', () => {
  it('the unit has readiness, watchdog, restart, reload and its own user', () => {
    for (const line of [
      'Type=notify',
      'NotifyAccess=all',
      'WatchdogSec=60',
      'Restart=on-failure',
      // Never given up: a unit that systemd has stopped starting leaves a ward unwatched.
      'StartLimitIntervalSec=0',
      'User=painlens',
      'LimitCORE=0',
      'ExecStart=/usr/bin/node /opt/painlens/current/dist/main.js run --config /etc/painlens/painlens.yaml',
      'ExecReload=/bin/kill -HUP $MAINPID',
      'StateDirectory=painlens'
    ])
      expect(unit.split('\n')).toContain(line)
    expect(unit).toContain('LoadCredential=mqtt-password:')
  })
})

it('systemd-analyze is installed, so the unit is really verified', () => {
  expect(hasAnalyze, 'install it: sudo apt-get install systemd').toBe(true)
})

describe.skipIf(!hasAnalyze)('painlens.service by systemd-analyze', () => {
  let folder: string
  let file: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'painlens-unit-'))
    file = join(folder, 'painlens.service')
    // Node.js need not be in /usr/bin where the tests run.
    writeFileSync(file, unit.replace('ExecStart=/usr/bin/node ', `ExecStart=${process.execPath} `))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const analyze = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' })
    return { status, output: stdout + stderr }
  }

  it('systemd-analyze verify has no complaint about the unit', () => {
    expect(analyze('verify')).toEqual({ status: 0, output: '' })
  })

  it('systemd-analyze verify reports a planted mistake', () => {
    const good = readFileSync(file, 'utf8')
    writeFileSync(file, good.replace('Restart=on-failure', 'Restart=sometimes'))
    expect(analyze('verify').output).toContain('sometimes')
    writeFileSync(file, good)
  })

  it("the unit's exposure is at most 2.1 of 10, including 0.2 for the missing ProtectClock, which would deny the GPU", () => {
    const { status, output } = analyze('security', '--offline=true', '--threshold=21', '--no-pager')
    expect(output).toMatch(/Overall exposure level for painlens\.service: \d/)
    expect(status).toBe(0)
  })
})
