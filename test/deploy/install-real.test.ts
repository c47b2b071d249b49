import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { packageRoot, version } from '../../src/core/version.js'
import { startMosquitto } from '../support/mosquitto.js'
import { patience } from '../support/slowness.js'
import { install, jetpack62, makeBox, picture, released, run, seal, temporaryFolder, write } from './install-rig.js'

/** painlens itself as a release, with this checkout's packages. */
function realRelease(): string {
  const release = join(temporaryFolder(), `painlens-${version}`)
  const script = join(packageRoot, 'deploy/pack/stage.mjs')
  execFileSync(process.execPath, [script, '--kind', 'release', '--to', release])
  return seal(release, version)
}

/** This machine's CPU build, as build.sh packs what it has built. */
async function providerArchive(): Promise<string> {
  const folder = temporaryFolder()
  const build = join(packageRoot, 'node_modules/onnxruntime-node/bin/napi-v6/linux', process.arch)
  const packed = await run(join(packageRoot, 'deploy/jetson/onnxruntime/build.sh'), '--pack', build, '--out', folder)
  expect(packed.status, packed.output).toBe(0)
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tar.gz'))!)
}

/** Whatever Node.js the tests run on, painlens is checked by that. */
function realBox(): string {
  const box = makeBox(jetpack62)
  write(join(box, 'usr/bin/node'), `#!/bin/sh\nexec ${process.execPath} "$@"\n`, 0o755)
  return box
}

it(
  'install.sh installs a real release, whose check and provider run',
  async () => {
    const mosquitto = await startMosquitto()
    onTestFinished(() => mosquitto.remove())
    const box = realBox()
    const config = write(
      join(temporaryFolder(), 'painlens.yaml'),
      `device: ward-3\nmqtt: { url: "${mosquitto.url}" }\ncameras: [{ id: room-312, url: "rtsp://127.0.0.1:1/bed" }]\n`
    )
    write(join(box, 'usr/bin/systemctl'), '#!/bin/sh\n[ "$1" != is-active ]\n', 0o755)
    const release = realRelease()
    const { status, output } = await install(release, box, '--config', config, '--provider', await providerArchive())
    for (const line of [
      /^\[ ok \] config .*one camera$/m,
      /^\[fail\] camera room-312 .*nothing listens/m,
      /^\[(warn| ok )\] provider .*an inference of pain-demo ran on/m,
      /^\[ ok \] broker .*confirmed a message/m,
      /^\[ ok \] disk .*var\/lib\/painlens/m
    ])
      expect(output).toMatch(line)
    const painlens = join(box, 'opt/painlens/current/dist/main.js')
    const provider = spawnSync(process.execPath, [painlens, 'provider', 'status'], { encoding: 'utf8' })
    expect(provider.stdout).toMatch(/^in place: cpu; ONNX Runtime .*installed/m)
    expect(output).toContain('What is red does not work')
    expect(status).toBe(3)
    expect(released(box, 'current')).toBe(version)
    const before = picture(join(box, 'etc'))
    expect((await install(release, box, '--dry-run')).status).toBe(0)
    expect(picture(join(box, 'etc'))).toEqual(before)
  },
  patience(180_000)
)

it("the release's unit and command point to the place of installation", async () => {
  const { status, stdout } = spawnSync(
    'grep',
    ['-rhoE', '/opt/painlens/current/[^ ]+', join(packageRoot, 'deploy/jetson')],
    {
      encoding: 'utf8'
    }
  )
  expect(status).toBe(0)
  for (const path of new Set(stdout.trim().split('\n')))
    expect(existsSync(join(packageRoot, path.replace('/opt/painlens/current/', ''))), path).toBe(true)
})

it('pack.sh refuses an unknown processor and a missing folder', async () => {
  const pack = join(packageRoot, 'deploy/jetson/pack.sh')
  const folder = temporaryFolder()
  expect((await run(pack, '--arch', 'mips', '--out', folder)).status).toBe(2)
  expect((await run(pack, '--out', join(folder, 'nowhere'))).status).toBe(2)
  expect(readdirSync(folder)).toEqual([])
})
