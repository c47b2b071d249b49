import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { packageRoot } from '../../src/core/version.js'

/** A folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'painlens-install-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function write(file: string, text: string, mode = 0o644): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

/** What the files of a box say, as they look on real ones. */
export interface BoxOptions {
  /** `36.4.3`; null for no Jetson. */
  l4t: string | null
  /** Of the package nvidia-l4t-core, where it is another one. */
  packageL4t?: string
  ubuntu?: string
  cuda?: string | null
  /** From the header, or from the library's package alone. */
  cudnn?: string | null
  cudnnPackage?: string
}

/** JetPack 6.2 as NVIDIA ships it. */
export const jetpack62: BoxOptions = { l4t: '36.4.3', ubuntu: '22.04', cuda: '12.6', cudnn: '9.3' }

/** A folder for --prefix with a Jetson's files, Node.js, ffmpeg and GStreamer, and stand-ins for what would change a real system. */
export function makeBox(options: BoxOptions = jetpack62): string {
  const box = temporaryFolder()
  // A provider's code is tried as another user, who reads painlens where it is installed.
  chmodSync(box, 0o755)
  const { l4t, ubuntu = '22.04', cuda, cudnn } = options
  write(join(box, 'etc/os-release'), `NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="${ubuntu}"\n`)
  write(join(box, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n')
  write(join(box, 'etc/group'), 'root:x:0:\nvideo:x:44:\n')
  if (l4t) {
    const [release, ...revision] = l4t.split('.')
    write(
      join(box, 'etc/nv_tegra_release'),
      `# R${release} (release), REVISION: ${revision.join('.')}, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n# KERNEL_VARIANT: oot\nTARGET_USERSPACE_LIB_DIR=nvidia\n`
    )
  }
  write(join(box, 'var/lib/dpkg/status'), packages(options))
  if (cuda)
    write(
      join(box, 'usr/local/cuda/version.json'),
      `{\n   "cuda" : {\n      "name" : "CUDA SDK",\n      "version" : "${cuda}.10"\n   },\n   "cuda_cudart" : {\n      "version" : "1.2.3"\n   }\n}\n`
    )
  if (cudnn) {
    const [major, minor] = cudnn.split('.')
    write(
      join(box, 'usr/include/aarch64-linux-gnu/cudnn_version_v9.h'),
      `#define CUDNN_MAJOR ${major}\n#define CUDNN_MINOR ${minor}\n#define CUDNN_PATCHLEVEL 0\n`
    )
  }
  write(join(box, 'usr/bin/ffmpeg'), '', 0o755)
  write(join(box, 'usr/bin/gst-launch-1.0'), '', 0o755)
  for (const plugin of ['videoconvert', 'videoparsersbad', 'nvvideo4linux2'])
    write(join(box, `usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgst${plugin}.so`), '')
  mkdirSync(join(box, 'run/systemd/system'), { recursive: true })
  for (const [name, text] of Object.entries(standIns)) write(join(box, 'usr/bin', name), text, 0o755)
  return box
}

const paragraph = (name: string, version: string, status = 'install ok installed'): string =>
  `Package: ${name}\nStatus: ${status}\nArchitecture: arm64\nVersion: ${version}\nDescription: x\n`

function packages({ l4t, packageL4t = l4t ?? undefined, cudnnPackage }: BoxOptions): string {
  return [
    paragraph('base-files', '12ubuntu4.7'),
    // One that was removed does not count.
    paragraph('libcudnn8', '8.9.4.25-1+cuda12.2', 'deinstall ok config-files'),
    ...(packageL4t ? [paragraph('nvidia-l4t-core', `${packageL4t}-20250107174145`)] : []),
    ...(cudnnPackage ? [paragraph('libcudnn9-cuda-13', cudnnPackage)] : [])
  ].join('\n')
}

/**
 * Each writes what it was asked into calls.log; systemctl starts what the release of a test says of itself, and node
 * runs it with bash, which is there sooner. systemd-run, which changes nothing, notes its properties in sandbox.log, and
 * has the credentials and the folder that it was given; as systemd 249 does, it takes the GPU from a unit with ProtectClock.
 */
const standIns: Record<string, string> = {
  node: `#!/usr/bin/env bash
if [[ $1 == --version ]]; then echo v24.21.0; else exec bash "$@"; fi
`,
  systemctl: `#!/usr/bin/env bash
root=$(cd "$(dirname "$0")/../.." && pwd)
if [[ $1 == --version ]]; then echo "systemd $(cat "$root/run/systemd-version" 2>/dev/null || echo 249) (249.11-0ubuntu3)"; exit; fi
case "$*" in is-*) ;; *) echo "systemctl $*" >>"$root/run/calls.log" ;; esac
case $1 in
  is-active) [[ -e $root/run/active ]] ;;
  is-enabled) [[ -e $root/run/enabled ]] ;;
  enable) touch "$root/run/enabled" ;;
  disable) rm -f "$root/run/enabled" ;;
  stop) rm -f "$root/run/active" ;;
  restart)
    rm -f "$root/run/active"
    "$root/usr/bin/node" "$root/opt/painlens/current/dist/main.js" run && touch "$root/run/active" ;;
esac
`,
  'systemd-run': `#!/usr/bin/env bash
root=$(cd "$(dirname "$0")/../.." && pwd)
if [[ -e $root/run/no-bus ]]; then echo 'Failed to connect to bus: No such file or directory' >&2; exit 1; fi
unset CREDENTIALS_DIRECTORY STATE_DIRECTORY
: >"$root/run/sandbox.log"
while [[ $1 == -* ]]; do
  case $1 in
    --property=LoadCredential=*) export CREDENTIALS_DIRECTORY=$root/etc/painlens/secrets ;;
    --property=StateDirectory=*) export STATE_DIRECTORY=$root/var/lib/\${1##*=} ;;
    --property=ProtectClock=yes) export GPU_IS_LOCKED=1 ;;
    --setenv=*) export "\${1#--setenv=}" ;;
    --) shift; break ;;
  esac
  case $1 in --property=*) echo "\${1#--property=}" >>"$root/run/sandbox.log" ;; esac
  shift
done
if [[ -e $root/run/no-sandbox && $1 != true ]]; then exit 226; fi
exec "$@"
`,
  useradd: `#!/usr/bin/env bash
root=$(cd "$(dirname "$0")/../.." && pwd)
echo "useradd $*" >>"$root/run/calls.log"
echo "\${!#}:x:990:990::/var/lib/painlens:/usr/sbin/nologin" >>"$root/etc/passwd"
echo "\${!#}:x:990:" >>"$root/etc/group"
`,
  userdel: `#!/usr/bin/env bash
root=$(cd "$(dirname "$0")/../.." && pwd)
echo "userdel $*" >>"$root/run/calls.log"
`
}

/** How a release made for a test answers. */
export interface ReleaseOptions {
  /** What `check` prints, and its exit code, from 128 on without its last line; that is 2 for a config with the word "wrong", and of `provider` for "unreadable". */
  check?: string
  checkCode?: number
  /** Exit codes of `run`, for systemctl, and of `provider install`. */
  run?: number
  provider?: number
  arch?: string
  /** Lines more in [Service] of its unit. */
  unit?: string
}

const answers = ({ check = '[ ok ] config          fine', checkCode = 0, run = 0, provider = 0 }: ReleaseOptions) => `
case $1 in
  check)
    if grep -q wrong "\${@: -1}"; then echo '[fail] config          wrong'; echo '0 ok, 0 to consider, 1 to mend'; exit 2; fi
    if grep -q credential "\${@: -1}"; then echo "[ ok ] passwords       \${CREDENTIALS_DIRECTORY:-none}"; fi
    if [[ -n \${GPU_IS_LOCKED:-} ]]; then echo '[warn] provider        an inference ran on cpu, because /dev/nvmap: Operation not permitted'; fi
    printf '%s' '${check && `${check}\n`}'
    ${checkCode >= 128 || check === '' ? 'true' : "echo '1 ok, 0 to consider, 0 to mend'"}
    exit ${checkCode} ;;
  run) exit ${run} ;;
  provider)
    if (($# > 3)) && grep -q unreadable "$5"; then exit 2; fi
    cat "$3" >>"$(dirname "$0")/../providers.log"
    exit ${provider} ;;
esac
exit 2
`

/** A release as pack.sh leaves it, with a small program in place of painlens. */
export function makeRelease(version: string, options: ReleaseOptions = {}): string {
  const release = join(temporaryFolder(), `painlens-${version}`)
  cpSync(join(packageRoot, 'deploy'), join(release, 'deploy'), { recursive: true })
  write(join(release, 'package.json'), `${JSON.stringify({ name: 'painlens', version }, null, 2)}\n`)
  write(join(release, 'dist/main.js'), answers(options), 0o755)
  const unit = join(release, 'deploy/jetson/painlens.service')
  if (options.unit) write(unit, readFileSync(unit, 'utf8').replace('[Install]', `${options.unit}\n\n[Install]`))
  return seal(release, version, options.arch)
}

/** RELEASE and SHA256SUMS; files below a link are not part of it. */
export function seal(release: string, version: string, arch: string = process.arch): string {
  write(join(release, 'RELEASE'), `version=${version}\narch=${arch}\n`)
  const files = entries(release).filter((path) => lstatSync(join(release, path)).isFile())
  const sums = files.map((path) => `${sha256(readFileSync(join(release, path)))}  ./${path}\n`)
  write(join(release, 'SHA256SUMS'), sums.join(''))
  return release
}

export interface Ran {
  status: number | null
  output: string
}

/** A script of a release or of the checkout, without a terminal. */
export function run(script: string, ...args: string[]): Promise<Ran> {
  const child = spawn('bash', [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output: Buffer.concat(chunks).toString() }))
  })
}

export const install = (release: string, box: string, ...args: string[]): Promise<Ran> =>
  run(join(release, 'deploy/jetson/install.sh'), '--prefix', box, ...args)

export const uninstall = (release: string, box: string, ...args: string[]): Promise<Ran> =>
  run(join(release, 'deploy/jetson/uninstall.sh'), '--prefix', box, ...args)

/** The version that `current` or `previous` points to. */
export const released = (box: string, name: 'current' | 'previous'): string =>
  readlinkSync(join(box, 'opt/painlens', name)).replace(/^releases\/(.*)-[0-9a-f]{8}$/, '$1')

export const calls = (box: string): string[] => {
  const log = join(box, 'run/calls.log')
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
}

/** Everything below a folder with type, mode, owner and content, as text: two of them are equal when nothing has changed. */
export function picture(folder: string): string[] {
  return entries(folder).map((path) => {
    const stat = lstatSync(join(folder, path))
    const content = stat.isSymbolicLink()
      ? readlinkSync(join(folder, path))
      : stat.isFile()
        ? sha256(readFileSync(join(folder, path)))
        : ''
    return `${path} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${content}`
  })
}

/** Without following links, as readdirSync's own recursion does. */
function entries(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(below, entry.name)
      return entry.isDirectory() ? [path, ...entries(folder, path)] : [path]
    })
    .sort()
}

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
