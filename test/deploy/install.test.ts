import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  calls,
  install,
  makeBox,
  makeRelease,
  picture,
  released,
  temporaryFolder,
  uninstall,
  write
} from './install-rig.js'

const config = (text = 'device: ward-3\n'): string => write(join(temporaryFolder(), 'painlens.yaml'), text)

/** A box with 1.0.0 as the first test that asked for one has installed it. */
let template: string | undefined
afterAll(() => template && rmSync(template, { recursive: true, force: true }))

/** A box with 1.0.0, and what was called for it forgotten; and that release, the same each time. */
async function installed(options: Parameters<typeof makeRelease>[1] = {}) {
  const release = makeRelease('1.0.0', options)
  if (template && Object.keys(options).length === 0) return { box: copy(template, temporaryFolder()), release }
  const box = makeBox()
  const { status, output } = await install(release, box, '--config', config())
  expect(output).toContain('painlens 1.0.0-')
  expect([0, 3]).toContain(status)
  rmSync(join(box, 'run/calls.log'))
  if (Object.keys(options).length === 0) template = copy(box, mkdtempSync(join(tmpdir(), 'painlens-template-')))
  return { box, release }
}

/** With owners and modes. */
function copy(from: string, to: string): string {
  expect(spawnSync('cp', ['-aT', from, to]).status).toBe(0)
  return to
}

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe('install.sh', () => {
  it('install.sh installs, starts and checks painlens and names the next step', async () => {
    const box = makeBox()
    const { status, output } = await install(makeRelease('1.0.0'), box, '--config', config())
    expect(output).toContain('This is JetPack 6.2, which painlens is made for.')
    expect(output).toContain('All is green')
    expect(output).toContain('docs/operate/field-guide.md')
    expect(status).toBe(0)
    expect(released(box, 'current')).toBe('1.0.0')
    expect(existsSync(join(box, 'opt/painlens/previous'))).toBe(false)
    expect(readFileSync(join(box, 'etc/painlens/painlens.yaml'), 'utf8')).toBe('device: ward-3\n')
    expect(readFileSync(join(box, 'etc/systemd/system/painlens.service'), 'utf8')).toContain('/opt/painlens/current/')
    expect(calls(box)).toEqual([
      'useradd --system --user-group --home-dir /var/lib/painlens --no-create-home --shell /usr/sbin/nologin --groups video painlens',
      'systemctl daemon-reload',
      'systemctl enable --quiet painlens',
      'systemctl restart painlens'
    ])
  })

  it('config and passwords are readable by root and painlens only', async () => {
    const { box } = await installed()
    const modes = { 'etc/painlens': '750', 'etc/painlens/painlens.yaml': '640', 'etc/painlens/secrets': '750' }
    for (const [path, wanted] of Object.entries({ ...modes, 'var/lib/painlens': '700' })) {
      expect(mode(join(box, path)), path).toBe(wanted)
      if (process.getuid?.() !== 0) continue
      const { uid, gid } = statSync(join(box, path))
      expect([uid, gid], path).toEqual([path.startsWith('var') ? 990 : 0, 990])
    }
  })

  it('a second run of install.sh changes nothing', async () => {
    const { box, release } = await installed()
    const before = picture(box)
    const { status, output } = await install(release, box)
    expect(output).toContain('; 0 things were changed.')
    expect(status).toBe(0)
    expect(picture(box)).toEqual(before)
    expect(calls(box)).toEqual([])
  })

  it('a second run repairs changed files and restarts painlens', async () => {
    const { box, release } = await installed()
    const before = picture(box)
    writeFileSync(join(box, 'etc/systemd/system/painlens.service'), '[Service]\n')
    rmSync(join(box, 'opt/painlens/current'))
    expect((await install(release, box)).status).toBe(0)
    expect(calls(box)).toContain('systemctl restart painlens')
    rmSync(join(box, 'run/calls.log'))
    expect(picture(box)).toEqual(before)
  })

  it('a dry run changes nothing, neither on a bare box nor for an upgrade', async () => {
    const bare = makeBox()
    const { box } = await installed()
    for (const folder of [bare, box]) {
      const before = picture(folder)
      const { status, output } = await install(
        makeRelease('2.0.0'),
        folder,
        '--config',
        config('device: x\n'),
        '--dry-run'
      )
      expect(output).toMatch(/would copy it to .*2\.0\.0-/)
      expect(output).toContain('would start painlens and wait until it is ready')
      expect(status).toBe(0)
      expect(picture(folder)).toEqual(before)
    }
  })

  it('a damaged release, one for another processor and a folder without a release are refused', async () => {
    const box = makeBox()
    const before = picture(box)
    const damaged = makeRelease('1.0.0')
    writeFileSync(join(damaged, 'dist/main.js'), 'exit 0')
    const other = makeRelease('1.0.0', { arch: process.arch === 'x64' ? 'arm64' : 'x64' })
    const none = makeRelease('1.0.0')
    rmSync(join(none, 'SHA256SUMS'))
    for (const [release, words] of [
      [damaged, 'this release is damaged'],
      [other, `pack one with --arch ${process.arch}`],
      [none, 'neither a packed release nor a checkout']
    ] as const) {
      const { status, output } = await install(release, box, '--config', config())
      expect(output).toContain(words)
      expect(status).toBe(1)
      expect(picture(box)).toEqual(before)
    }
  })

  it.each([
    [['--conifg', 'x'], 'unknown option --conifg'],
    [['--config', '/nowhere/painlens.yaml'], 'there is no such file'],
    [['--provider'], 'needs a value']
  ])('install.sh ends with exit code 2 for the arguments %j', async (args, words) => {
    const { status, output } = await install(makeRelease('1.0.0'), makeBox(), ...args)
    expect(output).toContain(words)
    expect(status).toBe(2)
  })

  it('install.sh --prefix refuses a folder that holds a whole system', async () => {
    const box = makeBox()
    write(join(box, 'bin/bash'), '', 0o755)
    const { status, output } = await install(makeRelease('1.0.0'), box)
    expect(output).toContain('run this script inside of it')
    expect(status).toBe(1)
  })

  it('remaining red lines are reported with exit code 3', async () => {
    const box = makeBox()
    const release = makeRelease('1.0.0', { check: '[fail] broker          mqtt://x: nothing listens', checkCode: 1 })
    const { status, output } = await install(release, box, '--config', config())
    expect(output).toContain('What is red does not work')
    expect(status).toBe(3)
    expect(calls(box)).toContain('systemctl restart painlens')
  })

  it('a check that was killed is not taken for a wrong config, and says so', async () => {
    const box = makeBox()
    const release = makeRelease('1.0.0', { check: '[ ok ] config          fine', checkCode: 137 })
    const { status, output } = await install(release, box, '--config', config())
    expect(output).toContain('[fail] painlens check  ended with code 137 before its end')
    expect(output).toContain('painlens check was ended early, so this says nothing of the config')
    expect(output).not.toMatch(/config is wrong|does not work/)
    expect(status).toBe(3)
  })

  it('the delay between starts grows where systemd can do that, and only there', async () => {
    const box = makeBox()
    const dropIn = join(box, 'etc/systemd/system/painlens.service.d/restart.conf')
    await install(makeRelease('1.0.0'), box, '--config', config())
    expect(existsSync(dropIn)).toBe(false)
    write(join(box, 'run/systemd-version'), '255')
    await install(makeRelease('1.1.0'), box)
    expect(readFileSync(dropIn, 'utf8')).toMatch(/^\[Service\]\nRestartSteps=5\nRestartMaxDelaySec=120$/m)
  })

  it('the output of painlens check is shown where painlens does not start', async () => {
    const release = makeRelease('1.0.0', { check: '[fail] model           hash differs', checkCode: 1, run: 1 })
    const { status, output } = await install(release, makeBox(), '--config', config())
    expect(output).toContain('hash differs')
    expect(output).toContain('painlens does not start')
    expect(status).toBe(1)
  })
})

describe("install.sh's config", () => {
  it('without a terminal a config has to be given', async () => {
    const { status, output } = await install(makeRelease('1.0.0'), makeBox())
    expect(output).toContain('start again with --config FILE')
    expect(status).toBe(1)
  })

  it('the old config is kept beside a new one and restored if that is wrong', async () => {
    const { box, release } = await installed()
    const path = join(box, 'etc/painlens/painlens.yaml')
    const { status, output } = await install(release, box, '--config', config('wrong\n'))
    expect(output).toContain('the old config is kept')
    expect(status).toBe(1)
    expect(readFileSync(path, 'utf8')).toBe('device: ward-3\n')
    expect(mode(path)).toBe('640')
    expect(calls(box)).toEqual([])
    expect((await install(release, box, '--config', config('device: ward-4\n'))).status).toBe(0)
    expect(readFileSync(path, 'utf8')).toBe('device: ward-4\n')
    expect(readFileSync(`${path}.before`, 'utf8')).toBe('device: ward-3\n')
    expect(calls(box)).toContain('systemctl restart painlens')
  })

  it('existing credentials that the config refers to are supplied by systemd', async () => {
    const { box, release } = await installed()
    for (const name of ['mqtt-password', 'camera-password', 'unused'])
      write(join(box, 'etc/painlens/secrets', name), 'x\n', 0o600)
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: painlens's own placeholders
    const lines = [
      'device: ward-3',
      'mqtt: { password: "${credential:mqtt-password}" }',
      'url: rtsp://a:${credential:camera-password}@x # ${credential:unused}',
      '# ${credential:unused}',
      'token: ${credential:missing}'
    ]
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: painlens's own placeholders
    expect((await install(release, box, '--config', config(`${lines.join('\n')}\n`))).status).toBe(0)
    const dropIn = join(box, 'etc/systemd/system/painlens.service.d/credentials.conf')
    expect(readFileSync(dropIn, 'utf8').split('\n').slice(1)).toEqual([
      '[Service]',
      'LoadCredential=camera-password:/etc/painlens/secrets/camera-password',
      'LoadCredential=mqtt-password:/etc/painlens/secrets/mqtt-password',
      ''
    ])
    expect(mode(join(box, 'etc/painlens/secrets/mqtt-password'))).toBe('640')
    expect((await install(release, box, '--config', config())).status).toBe(0)
    expect(existsSync(dropIn)).toBe(false)
  })
})

describe('an upgrade', () => {
  it('an upgrade keeps the previous version and no older one', async () => {
    const { box } = await installed()
    expect((await install(makeRelease('1.1.0'), box)).status).toBe(0)
    expect([released(box, 'current'), released(box, 'previous')]).toEqual(['1.1.0', '1.0.0'])
    expect((await install(makeRelease('1.2.0'), box)).status).toBe(0)
    expect([released(box, 'current'), released(box, 'previous')]).toEqual(['1.2.0', '1.1.0'])
    expect(readdirSync(join(box, 'opt/painlens/releases'))).toHaveLength(2)
  })

  it('a release of the same version with other content is an upgrade', async () => {
    const { box } = await installed()
    expect((await install(makeRelease('1.0.0', { check: '[ ok ] config          rebuilt' }), box)).status).toBe(0)
    expect(readdirSync(join(box, 'opt/painlens/releases'))).toHaveLength(2)
  })

  it('an upgrade that does not become ready is rolled back', async () => {
    const { box } = await installed()
    expect((await install(makeRelease('1.1.0'), box)).status).toBe(0)
    const before = picture(box).filter((line) => !line.startsWith('run/'))
    const { status, output } = await install(makeRelease('2.0.0', { run: 1 }), box)
    expect(output).toContain('does not become ready')
    expect(output).toMatch(/2\.0\.0-\w+ was not installed, 1\.1\.0-\w+ keeps running/)
    expect(status).toBe(1)
    expect(picture(box).filter((line) => !line.startsWith('run/'))).toEqual(before)
    expect(existsSync(join(box, 'run/active'))).toBe(true)
  })

  it('a rolled back upgrade restores the config, too', async () => {
    const { box } = await installed()
    const path = join(box, 'etc/painlens/painlens.yaml')
    const shown = '[fail] broker          mqtt://x: nothing listens'
    for (const options of [{ run: 1 }, { check: shown, checkCode: 1 }]) {
      const release = makeRelease('2.0.0', options)
      expect((await install(release, box, '--config', config('new_key: 1\n'))).status).toBe(1)
      expect(readFileSync(path, 'utf8')).toBe('device: ward-3\n')
      expect(mode(path)).toBe('640')
    }
  })

  it('an upgrade to a version with a new red line is refused', async () => {
    const { box } = await installed()
    const before = picture(box)
    for (const [line, name] of [
      ['[fail] broker          mqtt://x: nothing listens', 'broker'],
      ['[fail] camera room-312 rtsp://x: no answer', 'camera room-312'],
      ['[fail] disk (heatmaps) /x: cannot be written to', 'disk (heatmaps)'],
      ['[warn] provider        an inference ran on cpu, because cuda: no library', 'provider'],
      // Not even a table.
      ['', 'painlens check']
    ] as const) {
      const { status, output } = await install(
        makeRelease('2.0.0', { check: line, checkCode: line.startsWith('[warn]') ? 0 : 1 }),
        box
      )
      expect(output).toContain('this fails and did not with')
      expect(output).toContain(`: ${name}. 1.0.0-`)
      expect(status).toBe(1)
      expect(picture(box)).toEqual(before)
    }
  })

  it('an upgrade that would blind cameras of unverified TLS is refused, and says what to write for each', async () => {
    const { box } = await installed()
    const before = picture(box)
    const line = (camera: string, digit: string): string =>
      `[fail] camera ${camera}   at rtsps://192.0.2.1/a: its certificate is not trusted: the camera has signed it itself; fingerprint: "${`${digit}${digit}:`.repeat(31)}${digit}${digit}"`
    const check = [line('bed-1', 'A'), '[fail] camera bed-2 rtsp://x: no answer', line('bed-3', '0')].join('\n')
    const { status, output } = await install(makeRelease('2.0.0', { check, checkCode: 1 }), box)
    expect(status).toBe(1)
    expect(output).toContain(`  bed-1: tls: { fingerprint: "${'AA:'.repeat(31)}AA" }\n`)
    expect(output).toContain(`  bed-3: tls: { fingerprint: "${'00:'.repeat(31)}00" }\n`)
    expect(output).not.toContain('bed-2: tls')
    expect(output).toMatch(/start again with --config COPY/)
    expect(picture(box)).toEqual(before)
  })

  it('an upgrade to a version with the same red line as before is made', async () => {
    const check = '[fail] camera room-312 rtsp://x: no answer'
    const { box } = await installed({ check, checkCode: 1 })
    const { status } = await install(makeRelease('2.0.0', { check: `${check} within 10 s`, checkCode: 1 }), box)
    expect(status).toBe(3)
    expect(released(box, 'current')).toBe('2.0.0')
  })
})

describe('--rollback', () => {
  it('--rollback returns to the previous version, and a second one forward again', async () => {
    const { box } = await installed()
    const second = makeRelease('1.1.0')
    expect((await install(second, box)).status).toBe(0)
    expect((await install(second, box, '--rollback')).status).toBe(0)
    expect([released(box, 'current'), released(box, 'previous')]).toEqual(['1.0.0', '1.1.0'])
    expect((await install(second, box, '--rollback')).status).toBe(0)
    expect([released(box, 'current'), released(box, 'previous')]).toEqual(['1.1.0', '1.0.0'])
  })

  it('--rollback changes nothing in a dry run and fails without a previous version', async () => {
    const { box, release } = await installed()
    const none = await install(release, box, '--rollback')
    expect(none.output).toContain('there is no version before this one')
    expect(none.status).toBe(1)
    expect((await install(makeRelease('1.1.0'), box)).status).toBe(0)
    const before = picture(box)
    expect((await install(release, box, '--rollback', '--dry-run')).status).toBe(0)
    expect(picture(box)).toEqual(before)
  })
})

describe('the GPU provider', () => {
  it('the kept GPU provider archive is installed into each new version', async () => {
    const { box } = await installed()
    const archive = write(join(temporaryFolder(), 'provider-cuda12.tar.gz'), 'archive 1\n')
    expect((await install(makeRelease('1.1.0'), box, '--provider', archive)).status).toBe(0)
    const third = makeRelease('1.2.0')
    expect((await install(third, box)).status).toBe(0)
    const log = join(box, 'opt/painlens/current/providers.log')
    expect(readFileSync(log, 'utf8')).toBe('archive 1\n')
    expect((await install(third, box)).output).toContain('provider-cuda12.tar.gz: nothing to do')
    const next = write(join(temporaryFolder(), 'provider-cuda13.tar.gz'), 'archive 2\n')
    expect((await install(third, box, '--provider', next)).status).toBe(0)
    expect(readFileSync(log, 'utf8')).toBe('archive 1\narchive 2\n')
    expect(readdirSync(join(box, 'opt/painlens/provider'))).toEqual(['provider-cuda13.tar.gz'])
  })

  it('a GPU provider that does not work stops the upgrade', async () => {
    const { box } = await installed()
    const archive = write(join(temporaryFolder(), 'provider.tar.gz'), 'archive 1\n')
    const { status, output } = await install(makeRelease('1.1.0', { provider: 1 }), box, '--provider', archive)
    expect(output).toContain('the provider does not work with painlens 1.1.0')
    expect(status).toBe(1)
    expect(released(box, 'current')).toBe('1.0.0')
    expect(existsSync(join(box, 'opt/painlens/provider/provider.tar.gz'))).toBe(false)
  })

  it('the GPU provider is proved without the config where that cannot be read yet', async () => {
    const box = makeBox()
    const archive = write(join(temporaryFolder(), 'provider.tar.gz'), 'archive 1\n')
    const { status } = await install(
      makeRelease('1.0.0'),
      box,
      '--config',
      config('unreadable\n'),
      '--provider',
      archive
    )
    expect(status).toBe(0)
    expect(readFileSync(join(box, 'opt/painlens/current/providers.log'), 'utf8')).toBe('archive 1\n')
  })
})

describe('uninstall.sh', () => {
  it('uninstall.sh keeps config, outbox and alarm log', async () => {
    const { box, release } = await installed()
    const log = write(join(box, 'var/lib/painlens/data/alarms/2026-01.jsonl'), '{}\n')
    const before = picture(box)
    expect((await uninstall(release, box, '--dry-run')).status).toBe(0)
    expect(picture(box)).toEqual(before)
    expect((await uninstall(release, box)).status).toBe(0)
    expect(calls(box)).toEqual([
      'systemctl stop painlens',
      'systemctl disable --quiet painlens',
      'systemctl daemon-reload'
    ])
    for (const path of ['opt/painlens', 'etc/systemd/system/painlens.service', 'usr/local/bin/painlens'])
      expect(existsSync(join(box, path)), path).toBe(false)
    expect(existsSync(join(box, 'etc/painlens/painlens.yaml'))).toBe(true)
    expect(existsSync(log)).toBe(true)
    const again = picture(box)
    expect((await uninstall(release, box)).output).toContain('nothing of painlens was there')
    expect(picture(box)).toEqual(again)
  })

  it('uninstall.sh --purge leaves the box as it was before the installation', async () => {
    const box = makeBox()
    const outside = (line: string): boolean =>
      !/^(run|etc\/passwd|etc\/group|opt|var\/lib|etc|usr\/local)( |\/calls|\/bin 4|\/systemd 4)/.test(line)
    const before = picture(box)
    const release = makeRelease('1.0.0')
    expect((await install(release, box, '--config', config())).status).toBe(0)
    expect((await uninstall(release, box, '--purge')).status).toBe(0)
    expect(calls(box).at(-1)).toBe('userdel painlens')
    expect(picture(box).filter((line) => line.includes('painlens'))).toEqual([])
    expect(picture(box).filter(outside)).toEqual(expect.arrayContaining(before.filter(outside)))
  })
})
