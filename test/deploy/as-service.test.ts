import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkAsService } from '../../src/commands/check/as-service.js'
import { packageRoot } from '../../src/core/version.js'
import { install, makeBox, makeRelease, released, run, temporaryFolder, write } from './install-rig.js'
import { serviceDirectives } from './unit-devices.js'

const config = (text = 'device: ward-3\n'): string => write(join(temporaryFolder(), 'painlens.yaml'), text)
const script = join(packageRoot, 'deploy/jetson/as-service.sh')
const unit = join(packageRoot, 'deploy/jetson/painlens.service')
const properties = (box: string): string[] => readFileSync(join(box, 'run/sandbox.log'), 'utf8').trim().split('\n')
const note = 'runs without the sandbox of the service'

/** What a service is told and a single command is not. */
const lifecycle =
  /^(RuntimeDirectory\w*|Type|NotifyAccess|Exec\w+|Restart\w*|RestartPreventExitStatus|Timeout\w+|WatchdogSec|WorkingDirectory)$/

describe('as-service.sh', () => {
  it('systemd-run gets each directive of the unit in order, without those of its life cycle', async () => {
    const box = makeBox()
    const { status, output } = await run(script, '--prefix', box, unit, 'echo', 'a b', "it's")
    expect(output).toBe("a b it's\n")
    expect(status).toBe(0)
    const wanted = serviceDirectives(readFileSync(unit, 'utf8'))
      .filter(([name]) => !lifecycle.test(name))
      .map(([name, value]) => `${name}=${value}`)
    expect(wanted).toContain('SystemCallFilter=~@privileged @clock')
    expect(wanted).toContain('CapabilityBoundingSet=')
    expect(properties(box).slice(0, wanted.length)).toEqual(wanted)
    expect(properties(box).slice(wanted.length)).toEqual([`WorkingDirectory=-${process.cwd()}`, 'RuntimeMaxSec=600'])
  })

  it('a unit is read as systemd reads it: other sections, comments, joined lines, drop-ins', async () => {
    const box = makeBox()
    const odd = write(
      join(temporaryFolder(), 'odd.service'),
      '[Unit]\nDescription=x\n[Service]\n# ProtectClock=yes\n;A=1\n  ProtectHome=yes\nEnvironment=A=1 \\\n B=2\nExecStart=/bin/x\n[Install]\nAlias=y\n'
    )
    write(join(box, 'etc/systemd/system/painlens.service.d/gpu.conf'), '[Service]\nSupplementaryGroups=render\n')
    expect((await run(script, '--prefix', box, odd, 'true')).status).toBe(0)
    expect(properties(box).slice(0, -2)).toEqual([
      'ProtectHome=yes',
      'Environment=A=1   B=2',
      'SupplementaryGroups=render'
    ])
  })

  it('the running service can be asked, and its runtime folder is not removed with the command', async () => {
    const box = makeBox()
    expect((await run(script, '--prefix', box, unit, 'sh', '-c', 'echo "$RUNTIME_DIRECTORY"')).output).toBe(
      '/run/painlens\n'
    )
    expect(properties(box).filter((line) => line.includes('RuntimeDirectory'))).toEqual([])
    expect(readFileSync(unit, 'utf8')).toMatch(/^RuntimeDirectory=painlens\nRuntimeDirectoryMode=0700$/m)
  })

  it("the exit code is the command's, or systemd's where the sandbox cannot be set up", async () => {
    const box = makeBox()
    expect((await run(script, '--prefix', box, unit, 'sh', '-c', 'exit 3')).status).toBe(3)
    write(join(box, 'run/no-sandbox'), '')
    expect((await run(script, '--prefix', box, unit, 'sh', '-c', 'exit 3')).status).toBe(226)
  })

  it.each([
    ['there is no systemd-run', (box: string) => rmSync(join(box, 'usr/bin/systemd-run'))],
    ['systemd does not run', (box: string) => rmSync(join(box, 'run/systemd'), { recursive: true })],
    ['systemd cannot be reached', (box: string) => void write(join(box, 'run/no-bus'), '')]
  ])('the command runs without the sandbox, with a note, where %s', async (_, spoil) => {
    const box = makeBox()
    spoil(box)
    const { status, output } = await run(
      script,
      '--prefix',
      box,
      unit,
      'sh',
      '-c',
      'echo "$CREDENTIALS_DIRECTORY"; echo "$RUNTIME_DIRECTORY"; exit 3'
    )
    expect(output).toContain(note)
    expect(output).toContain(`${box}/etc/painlens/secrets\n${box}/run/painlens\n`)
    expect(status).toBe(3)
    expect(existsSync(join(box, 'run/sandbox.log'))).toBe(false)
  })
})

describe("install.sh's check", () => {
  it("install.sh checks in the sandbox of the release's own unit, as its user, with the config's credentials", async () => {
    const box = makeBox()
    write(join(box, 'etc/painlens/secrets/mqtt-password'), 'x\n')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: painlens's own placeholder
    const given = config('mqtt: { password: "${credential:mqtt-password}" }\n')
    const { status, output } = await install(makeRelease('1.0.0', { unit: 'LimitNPROC=64' }), box, '--config', given)
    expect(status).toBe(0)
    expect(output).not.toContain(note)
    expect(output).toContain(`[ ok ] passwords       ${box}/etc/painlens/secrets`)
    for (const line of [
      'User=painlens',
      'SupplementaryGroups=video',
      'ProtectSystem=strict',
      'LimitNPROC=64',
      'LoadCredential=mqtt-password:/etc/painlens/secrets/mqtt-password'
    ])
      expect(properties(box)).toContain(line)
  })

  it('a unit that denies the service the GPU is detected, and the previous version stays', async () => {
    const box = makeBox()
    expect((await install(makeRelease('1.0.0'), box, '--config', config())).status).toBe(0)
    const { status, output } = await install(makeRelease('1.1.0', { unit: 'ProtectClock=yes' }), box)
    expect(output).toContain('Operation not permitted')
    expect(output).toMatch(/this fails and did not with 1\.0\.0-\w+: provider\./)
    expect(status).toBe(1)
    expect(released(box, 'current')).toBe('1.0.0')
  })

  it('a new config with a missing password is reported before it is checked', async () => {
    const box = makeBox()
    expect((await install(makeRelease('1.0.0'), box, '--config', config())).status).toBe(0)
    write(join(box, 'etc/painlens/secrets/mqtt-password'), 'x\n')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: painlens's own placeholder
    const wrong = config('wrong: "${credential:mqtt-password}"\n')
    expect((await install(makeRelease('1.0.0'), box, '--config', wrong)).status).toBe(1)
    expect(properties(box)).toContain('LoadCredential=mqtt-password:/etc/painlens/secrets/mqtt-password')
    expect(existsSync(join(box, 'etc/systemd/system/painlens.service.d/credentials.conf'))).toBe(false)
  })

  it('a sandbox that systemd cannot set up is reported as red, and not as a wrong config', async () => {
    const box = makeBox()
    write(join(box, 'run/no-sandbox'), '')
    const { status, output } = await install(makeRelease('1.0.0'), box, '--config', config())
    expect(output).toContain('[fail] painlens check  ended with code 226')
    expect(output).not.toContain('The config is wrong')
    expect(status).toBe(3)
  })

  it('without systemd the check runs unsandboxed, with a note', async () => {
    const box = makeBox()
    write(join(box, 'run/no-bus'), '')
    const { status, output } = await install(makeRelease('1.0.0'), box, '--config', config())
    expect(output).toContain(note)
    expect(output).toContain('All is green')
    expect(status).toBe(0)
  })
})

describe("root's check of the service's config", () => {
  const found = (file: string) => ({ file, by: 'named by --config', named: true })

  it('runs in the sandbox of the service, and answers with its exit code', async () => {
    const box = temporaryFolder()
    const service = { unit: `${box}/painlens.service`, config: `${box}/own.yaml`, folders: {}, credentials: new Map() }
    const said = join(box, 'said')
    const script = write(join(box, 'as-service.sh'), `#!/bin/sh\necho "$@" > ${said}\nexit 3\n`, 0o755)
    const check = (uid: number, file: string) =>
      checkAsService(found(file), service, new AbortController().signal, { uid, script })
    expect(await check(990, service.config)).toBe(null)
    expect(await check(0, `${box}/other.yaml`)).toBe(null)
    expect(existsSync(said)).toBe(false)
    expect(await check(0, service.config)).toBe(3)
    expect(readFileSync(said, 'utf8')).toMatch(
      new RegExp(`^${service.unit} \\S*node\\S* \\S+dist/main.js check --config ${service.config}\n$`)
    )
  })
})
