import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fakeLibrary, nativeFolder, root } from '../provider/rig.js'

const script = join(root, 'deploy/jetson/onnxruntime/build.sh')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-build-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function build(...args: string[]): { code: number | null; out: string; err: string } {
  const env = { ...process.env, HOME: '/home/installer' }
  const { status, stdout, stderr } = spawnSync(script, args, { encoding: 'utf8', env, cwd: folder })
  return { code: status, out: stdout, err: stderr }
}

interface Machine {
  compatible: string[]
  release: string
  gigabytes: number
  swap?: number
  cores: number
  /** As cuda.h says it. */
  cuda: number | null
  cudnn?: [number, number, number] | null
}

const orin: Machine = {
  compatible: ['nvidia,p3768-0000+p3767-0000', 'nvidia,p3767-0000', 'nvidia,tegra234'],
  release:
    '# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025',
  gigabytes: 15.3,
  swap: 7.6,
  cores: 8,
  cuda: 12060,
  cudnn: [9, 3, 0]
}
const thor: Machine = {
  compatible: ['nvidia,p4071-0000+p3834-0008', 'nvidia,p3834-0008', 'nvidia,tegra264'],
  release: '# R39 (release), REVISION: 2.0, GCID: 1, BOARD: generic, EABI: aarch64, DATE: Mon Jun  1 00:00:00 UTC 2026',
  gigabytes: 122.8,
  cores: 14,
  cuda: 13020,
  cudnn: [9, 20, 0]
}

/** The files that the script asks, below a folder. */
function machine(name: string, { compatible, release, gigabytes, swap = 0, cores, cuda, cudnn }: Machine): string {
  const path = join(folder, name)
  const kilobytes = (count: number): number => Math.round(count * 1024 * 1024)
  const files: Record<string, string | false> = {
    'proc/device-tree/compatible': `${compatible.join('\0')}\0`,
    'proc/meminfo': `MemTotal:       ${kilobytes(gigabytes)} kB\nMemFree: 1 kB\nSwapTotal:      ${kilobytes(swap)} kB\n`,
    'proc/cpuinfo': Array.from({ length: cores }, (_, i) => `processor\t: ${i}\nBogoMIPS\t: 62.50\n`).join('\n'),
    'etc/nv_tegra_release': release,
    'usr/local/cuda/include/cuda.h': cuda !== null && `/* … */\n#define CUDA_VERSION ${cuda}\n#define CUDA_CB\n`,
    'usr/include/cudnn_version.h':
      !!cudnn &&
      `#define CUDNN_MAJOR ${cudnn[0]}\n#define CUDNN_MINOR ${cudnn[1]}\n#define CUDNN_PATCHLEVEL ${cudnn[2]}\n#define CUDNN_VERSION (CUDNN_MAJOR * 10000)\n`,
    'usr/include/aarch64-linux-gnu/NvInferVersion.h':
      '#define TRT_MAJOR_ENTERPRISE 10\n#define TRT_MINOR_ENTERPRISE 3\n#define TRT_PATCH_ENTERPRISE 0\n#define TRT_BUILD_ENTERPRISE 30\n#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE\n'
  }
  for (const [file, text] of Object.entries(files)) {
    if (text === false) continue
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, file), text)
  }
  return path
}

const dryRun = (name: string, changes: Machine, ...args: string[]) =>
  build('--dry-run', '--system-root', machine(name, changes), ...args)

/** The command that builds, word for word. */
const buildCommand = (out: string): string[] => {
  const lines = out.split('\n').filter((line) => line.includes('/source/build.sh'))
  expect(lines).toHaveLength(1)
  return lines[0]!.split(' ')
}
const argumentOf = (words: string[], flag: string): string | undefined => words[words.indexOf(flag) + 1]

describe('deploy/jetson/onnxruntime/build.sh --dry-run', () => {
  it('a dry run on a Jetson Orin lists every command and runs none', () => {
    const { code, out, err } = dryRun('orin', orin)
    expect(code).toBe(0)
    expect(err).toBe('Jetson Orin (compute capability 87), JetPack 6.2, CUDA 12.6, cuDNN 9.3.0; 2 at a time\n')
    const commands = out.split('\n').filter((line) => line && !line.startsWith('#'))
    const work = '/home/installer/painlens-onnxruntime'
    expect(commands[1]).toBe(
      `git clone --depth 1 --branch v1.29.0 --recurse-submodules --shallow-submodules https://github.com/microsoft/onnxruntime.git ${work}/source.partial`
    )
    expect(commands[2]).toBe(`mv ${work}/source.partial ${work}/source`)
    expect(out).toMatch(/# then HEAD has to be tag v1\.29\.0, commit 2e2543fbe9/)
    const words = buildCommand(out)
    const flags =
      '--build_shared_lib --build_nodejs --use_cuda --skip_tests --skip_submodule_sync --compile_no_warning_as_error'
    expect(words).toEqual(expect.arrayContaining([...flags.split(' '), 'CMAKE_CUDA_ARCHITECTURES=87']))
    expect(argumentOf(words, '--config')).toBe('Release')
    expect(argumentOf(words, '--cuda_home')).toBe('/usr/local/cuda')
    expect(argumentOf(words, '--cudnn_home')).toBe('/usr/lib/aarch64-linux-gnu')
    expect(argumentOf(words, '--parallel')).toBe('2')
    expect(words).toContain('CUDACXX=/usr/local/cuda/bin/nvcc')
    expect(words).not.toContain('--use_tensorrt')
    expect(out).toMatch(/packed as .*\/painlens-onnxruntime-1\.29\.0-linux-arm64-cuda12\.6\.tar\.gz/)
    expect(readdirSync(folder).filter((name) => name !== 'orin')).toEqual([])
  })

  it('a dry run on a Jetson Thor uses its compute capability and one job per core', () => {
    const { code, out, err } = dryRun('thor', thor)
    expect(code).toBe(0)
    expect(err).toBe('Jetson Thor (compute capability 110), JetPack 7.2, CUDA 13.2, cuDNN 9.20.0; 14 at a time\n')
    expect(buildCommand(out)).toContain('CMAKE_CUDA_ARCHITECTURES=110')
    expect(out).toMatch(/cuda13\.2\.tar\.gz/)
  })

  it('a dry run on a small Orin uses one job and says how to add swap', () => {
    const { out, err } = dryRun('nano', { ...orin, gigabytes: 7.4, swap: 3.7, cores: 6 })
    expect(argumentOf(buildCommand(out), '--parallel')).toBe('1')
    expect(err).toMatch(/memory and swap are 11 GB together.*\n.*fallocate -l 8G \/swapfile/)
    expect(dryRun('nano', { ...orin, gigabytes: 7.4, swap: 12, cores: 6 }).err).not.toMatch(/swap/)
  })

  it('options set TensorRT, jobs and folders of the build', () => {
    const { code, out } = dryRun('options', orin, '--tensorrt', '--jobs', '7', '--work', '/mnt/a b', '--out', '/srv')
    expect(code).toBe(0)
    expect(out).toMatch(/^rm -rf \/mnt\/a\\ b\/source\.partial$/m)
    expect(out).toMatch(/--use_tensorrt --tensorrt_home \/usr\/lib\/aarch64-linux-gnu/)
    expect(out).toMatch(/--parallel 7 /)
    expect(out).toMatch(/libonnxruntime_providers_tensorrt\.so/)
    expect(out).toMatch(/packed as \/srv\/painlens-onnxruntime/)
  })

  it('an interrupted build continues without fetching again', () => {
    const work = join(folder, 'work')
    mkdirSync(join(work, 'source/.git'), { recursive: true })
    mkdirSync(join(work, 'tools/bin'), { recursive: true })
    writeFileSync(join(work, 'tools/bin/cmake'), '', { mode: 0o755 })
    const { code, out } = dryRun('resumed', orin, '--work', work)
    expect(code).toBe(0)
    expect(out).not.toMatch(/git clone|pip install/)
    expect(buildCommand(out)).toContain(`${work}/source/build.sh`)
  })

  it('other releases of Jetson Linux are named by their JetPack where it is known, else by their number', () => {
    const jetpack = (release: string): string =>
      /JetPack (.*?), CUDA/.exec(dryRun('release', { ...orin, release }).err)![1]!
    expect(jetpack('# R36 (release), REVISION: 4.4, GCID: 1')).toBe('6.2.1')
    expect(jetpack('# R36 (release), REVISION: 9.1, GCID: 1')).toBe('of Jetson Linux 36.9.1')
  })

  const unfit: [what: string, machine: Machine, says: RegExp, ...args: string[]][] = [
    [
      'a machine other than a Jetson',
      { ...orin, compatible: ['raspberrypi,5-model-b', 'brcm,bcm2712'] },
      /this is no Jetson/
    ],
    ['an older Jetson', { ...orin, compatible: ['nvidia,p3668', 'nvidia,tegra194'] }, /tegra194 is neither/],
    ['a Jetson without CUDA', { ...orin, cuda: null }, /there is no CUDA in \/usr\/local\/cuda; install/],
    ['a Jetson without cuDNN', { ...orin, cudnn: null }, /no headers of cuDNN; install them: sudo apt/],
    ['a Thor with the CUDA of an Orin', { ...thor, cuda: 12060 }, /Thor needs CUDA 13 or later/],
    ['an invalid number of jobs', orin, /--jobs takes a number from 1 on, not 0/, '--jobs', '0'],
    ['an unknown option', orin, /unknown option --fast/, '--fast'],
    ['an option without its value', orin, /--out needs a value/, '--out']
  ]
  it.each(unfit)('a build is refused for %s', (_, what, says, ...args) => {
    const { code, out, err } = dryRun('unfit', what, ...args)
    expect(code).toBe(1)
    expect(out).toBe('')
    expect(err).toMatch(says)
    rmSync(join(folder, 'unfit'), { recursive: true })
  })
})

describe('deploy/jetson/onnxruntime/build.sh --pack', () => {
  /** The files that onnxruntime-node brings, some of them changed. What it makes of them whole, test/provider shows. */
  function files(name: string, changes: Record<string, Buffer | null>): string {
    const path = join(folder, name)
    mkdirSync(path)
    for (const file of readdirSync(join(root, nativeFolder)))
      if (!(file in changes)) symlinkSync(join(root, nativeFolder, file), join(path, file))
    for (const [file, content] of Object.entries(changes)) if (content) writeFileSync(join(path, file), content)
    return path
  }
  const other = process.arch === 'x64' ? 'arm64' : 'x64'
  const version = 'VERS_1.29.0'
  const unfit: [what: string, changes: Record<string, Buffer | null>, says: RegExp][] = [
    ['a missing library', { 'libonnxruntime.so.1': null }, /libonnxruntime\.so\.1 is missing/],
    [
      'another version',
      { 'libonnxruntime.so.1': fakeLibrary('x64', 'VERS_1.28.0') },
      /is not of ONNX Runtime 1\.29\.0/
    ],
    ['another machine', { 'libonnxruntime.so.1': fakeLibrary(other, version) }, new RegExp(`is for ${other}, this is`)],
    ['a text', { 'libonnxruntime.so.1': Buffer.from(`hello ${version}`.repeat(9)) }, /is for no machine, this is/]
  ]
  it.each(unfit)('packing is refused for %s', (_, changes, says) => {
    const { code, err } = build('--pack', files('unfit-files', changes), '--out', join(folder, 'out'))
    expect(code).toBe(1)
    expect(err).toMatch(says)
    rmSync(join(folder, 'unfit-files'), { recursive: true })
  })

  it('packing refuses a library with a missing dependency', () => {
    const binding = readFileSync(join(root, nativeFolder, 'onnxruntime_binding.node'))
    const needed = 'libstdc++.so.6\0'
    binding.write('libnone.so.9'.padEnd(needed.length, '\0'), binding.indexOf(needed), 'latin1')
    const { code, err } = build('--pack', files('needs', { 'libonnxruntime_extra.so': binding }))
    expect(code).toBe(1)
    expect(err).toMatch(/libonnxruntime_extra\.so needs libnone\.so\.9, not on this machine/)
  })

  it('packing refuses a missing folder, and CUDA files on a machine without CUDA', () => {
    expect(build('--pack', join(folder, 'nowhere')).err).toMatch(/is not a folder/)
    const cuda = files('cuda', { 'libonnxruntime_providers_cuda.so': fakeLibrary('x64') })
    expect(build('--pack', cuda, '--system-root', join(folder, 'nowhere')).err).toMatch(/there is no CUDA in/)
  })
})

describe('deploy/jetson/onnxruntime/build.sh', () => {
  const shellcheck = spawnSync('shellcheck', ['--version']).status === 0
  it.skipIf(!shellcheck)('shellcheck has no complaint about build.sh', () => {
    expect(spawnSync('shellcheck', ['-x', script], { encoding: 'utf8' }).stdout).toBe('')
  })

  it('build.sh --help prints its usage', () => {
    const { code, out } = build('--help')
    expect(code).toBe(0)
    expect(out).toMatch(/--pack FOLDER/)
  })
})
