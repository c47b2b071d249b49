import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type BoxOptions,
  calls,
  install,
  jetpack62,
  makeBox,
  makeRelease,
  picture,
  temporaryFolder,
  write
} from './install-rig.js'

const release = () => makeRelease('1.0.0')
const row = (name: string, ...columns: string[]): RegExp => new RegExp(`^  ${[name, ...columns].join(' +')}$`, 'm')

describe('install.sh on each kind of machine:', () => {
  it.each<[string, BoxOptions, RegExp[]]>([
    [
      'JetPack 6.2',
      jetpack62,
      [
        row('Jetson Linux', '36.4.3', '36.4.3', '/etc/nv_tegra_release'),
        row('Ubuntu', '22.04', '22.04', '/etc/os-release'),
        row('CUDA', '12.6', '12.6', '/usr/local/cuda/version.json'),
        row('cuDNN', '9.3', '9.3', '/usr/include/aarch64-linux-gnu/cudnn_version_v9.h')
      ]
    ],
    ['JetPack 6.2.1', { ...jetpack62, l4t: '36.4.7' }, [row('Jetson Linux', '36.4.7', '36.4.7', '.*')]],
    ['JetPack 6.2.2', { ...jetpack62, l4t: '36.5.0' }, [row('Jetson Linux', '36.5.0', '36.5.0', '.*')]],
    [
      'JetPack 7.2',
      { l4t: '39.2.0', ubuntu: '24.04', cuda: '13.2', cudnnPackage: '9.20.0.48-1' },
      [row('CUDA', '13.2', '13.2', '/usr/local/cuda/version.json'), row('cuDNN', '9.20', 'any', 'libcudnn9-cuda-13')]
    ],
    // An update through apt that was not finished: the package is what counts.
    [
      'JetPack 6.2.1',
      { ...jetpack62, l4t: '36.4.0', packageL4t: '36.4.4' },
      [/nvidia-l4t-core \(\/etc\/nv_tegra_release: 36\.4\.0\)/]
    ]
  ])('install.sh recognises %s', async (name, options, lines) => {
    const { status, output } = await install(release(), makeBox(options), '--dry-run')
    for (const line of lines) expect(output).toMatch(line)
    expect(output).toContain(`This is ${name}, which painlens is made for.`)
    expect(status).toBe(0)
  })

  it.each<[string, BoxOptions, string, string]>([
    [
      'JetPack 5',
      { l4t: '35.4.1', ubuntu: '20.04', cuda: '11.4' },
      'JetPack 5 with Jetson Linux 35.4.1. painlens is made for JetPack 6.2 and 7.2',
      'SDK Manager'
    ],
    ['JetPack 6.1', { ...jetpack62, l4t: '36.4.0' }, 'JetPack 6.1 with Jetson Linux 36.4.0', 'SDK Manager'],
    ['JetPack 7.0', { l4t: '38.2.1', ubuntu: '24.04', cuda: '13.0' }, 'JetPack 7.0 with', 'SDK Manager'],
    [
      'one from the future',
      { l4t: '41.1.0', ubuntu: '26.04' },
      'This is Jetson Linux 41.1.0. painlens is made for',
      'SDK Manager'
    ],
    [
      '6.2 without CUDA',
      { ...jetpack62, cuda: null },
      'This is JetPack 6.2, but not all of it',
      'apt-get install nvidia-jetpack'
    ],
    [
      '6.2 with another cuDNN',
      { ...jetpack62, cudnn: '8.9' },
      'This is JetPack 6.2, but not all of it',
      'nvidia-jetpack'
    ],
    [
      '7.2 without cuDNN',
      { l4t: '39.2.1', ubuntu: '24.04', cuda: '13.2' },
      'This is JetPack 7.2, but not all',
      'nvidia-jetpack'
    ],
    ['no Jetson', { l4t: null, ubuntu: '24.04' }, 'This is no Jetson', 'would be JetPack 6.2 or 7.2']
  ])('install.sh recognises %s and installs nothing without --cpu-only', async (_, options, words, remedy) => {
    const box = makeBox(options)
    const before = picture(box)
    const refused = await install(release(), box)
    expect(refused.output).toContain(words)
    expect(refused.output).toContain(remedy)
    expect(refused.output).toContain('nothing was installed; --cpu-only')
    expect(refused.status).toBe(1)
    expect(picture(box)).toEqual(before)
  })
})

it('a dry run on a machine that is no Jetson goes on without a terminal, and says what install.sh would ask', async () => {
  const box = makeBox({ l4t: null, ubuntu: '24.04' })
  const { status, output } = await install(release(), box, '--dry-run')
  expect(output).toContain('would ask whether to install for the CPU alone; without a terminal only --cpu-only does')
  expect(output).toContain('would write')
  expect(status).toBe(0)
})

it('every recognised machine is installed with --cpu-only', async () => {
  const { status, output } = await install(release(), makeBox({ l4t: '35.4.1' }), '--cpu-only', '--dry-run')
  expect(output).toContain('will run on the CPU')
  expect(status).toBe(0)
})

/** apt's programs: `apt-cache` offers a version of Node.js, `apt-get install` puts one there. */
function addApt(box: string, versions: { distribution: string; nodesource?: string }): void {
  const { distribution, nodesource = '' } = versions
  const list = join(box, 'etc/apt/sources.list.d/nodesource.sources')
  write(
    join(box, 'usr/bin/apt-cache'),
    `#!/usr/bin/env bash
version=${distribution}
if [[ -e ${list} && -n "${nodesource}" ]]; then version=${nodesource}; fi
printf 'nodejs:\\n  Installed: (none)\\n  Candidate: %s\\n  Version table:\\n' "$version"
`,
    0o755
  )
  write(
    join(box, 'usr/bin/apt-get'),
    `#!/usr/bin/env bash
echo "apt-get $*" >>"${box}/run/calls.log"
if [[ $* == *nodejs* ]]; then cp "${box}/run/node" "${box}/usr/bin/node"; fi
if [[ $* == *broken* ]]; then echo 'E: Unable to fetch some archives'; exit 100; fi
`,
    0o755
  )
}

/** A box whose Node.js is not there yet. */
function boxWithoutNode(versions: Parameters<typeof addApt>[1]): string {
  const box = makeBox()
  write(join(box, 'run/node'), readFileSync(join(box, 'usr/bin/node'), 'utf8'), 0o755)
  rmSync(join(box, 'usr/bin/node'))
  addApt(box, versions)
  return box
}

const config = () => write(join(temporaryFolder(), 'painlens.yaml'), 'device: ward-3\n')
const aptCalls = (box: string): string[] => calls(box).filter((call) => call.startsWith('apt-get'))
const quietly = 'apt-get install -y -qq --no-install-recommends'

describe('where install.sh takes Node.js from:', () => {
  it('an installed Node.js that is new enough is used, without apt', async () => {
    const box = makeBox()
    addApt(box, { distribution: '18.19.1+dfsg-6ubuntu5' })
    expect((await install(release(), box, '--config', config())).status).toBe(0)
    expect(aptCalls(box)).toEqual([])
  })

  it('a new enough Node.js and missing programs come from the distribution', async () => {
    const box = boxWithoutNode({ distribution: '1:22.3.0~dfsg-2' })
    rmSync(join(box, 'usr/bin/ffmpeg'))
    rmSync(join(box, 'usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgstvideoparsersbad.so'))
    expect((await install(release(), box, '--config', config())).status).toBe(0)
    expect(aptCalls(box)).toEqual(['apt-get update -qq', `${quietly} ffmpeg gstreamer1.0-plugins-bad nodejs`])
    expect(existsSync(join(box, 'etc/apt'))).toBe(false)
  })

  it("Node.js comes from NodeSource, with the supplied key, where the distribution's is too old", async () => {
    const box = boxWithoutNode({ distribution: '12.22.9~dfsg-1ubuntu3', nodesource: '24.11.0-1nodesource1' })
    const dry = await install(release(), box, '--config', config(), '--dry-run')
    expect(dry.output).toContain('has to come from NodeSource: the distribution has 12.22.9')
    expect(existsSync(join(box, 'etc/apt'))).toBe(false)
    expect((await install(release(), box, '--config', config())).status).toBe(0)
    expect(aptCalls(box)).toEqual([
      'apt-get update -qq',
      `${quietly} ca-certificates`,
      'apt-get update -qq',
      `${quietly} nodejs`
    ])
    expect(readFileSync(join(box, 'etc/apt/sources.list.d/nodesource.sources'), 'utf8')).toMatch(
      /^URIs: https:\/\/deb\.nodesource\.com\/node_\d+\.x\n.*^Signed-By: \/etc\/apt\/keyrings\/nodesource\.asc$/ms
    )
    expect(readFileSync(join(box, 'etc/apt/keyrings/nodesource.asc'), 'utf8')).toContain('BEGIN PGP PUBLIC KEY')
  })

  it('an unreachable NodeSource stops the installation', async () => {
    const box = boxWithoutNode({ distribution: '12.22.9~dfsg-1ubuntu3' })
    const { status, output } = await install(release(), box, '--config', config())
    expect(output).toContain('NodeSource cannot be reached')
    expect(status).toBe(1)
    expect(existsSync(join(box, 'opt'))).toBe(false)
  })

  it('GStreamer is not installed where there is no Jetson', async () => {
    const box = makeBox({ l4t: null })
    rmSync(join(box, 'usr/bin/gst-launch-1.0'))
    addApt(box, { distribution: '18.19.1' })
    expect((await install(release(), box, '--config', config(), '--cpu-only')).status).toBe(0)
    expect(aptCalls(box)).toEqual([])
  })
})
