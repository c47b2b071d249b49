/** Builds images with buildah and runs them as a container engine would, for where there is none: namespaces, chroot, users. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** buildah without user namespaces of its own, which a machine may refuse. */
const env = { ...process.env, BUILDAH_ISOLATION: 'chroot' }

export function buildah(...args: string[]): string {
  return execFileSync('buildah', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}

/** What the image says about how it is run (the Docker image format's names). */
export interface ImageConfig {
  User: string
  Env: string[]
  Entrypoint: string[]
  Cmd: string[]
  WorkingDir: string
  StopSignal: string
  Labels: Record<string, string>
  Volumes: Record<string, object>
  Healthcheck: { Test: string[]; Interval: number; Timeout: number; StartPeriod: number; Retries: number }
}

export function imageConfig(image: string): ImageConfig {
  const { Docker } = JSON.parse(buildah('inspect', '--type', 'image', image)) as { Docker: { config: ImageConfig } }
  return Docker.config
}

export interface ContainerOptions {
  image: string
  /** In the place of the image's CMD. */
  args?: string[]
  /** Folders and files of this machine by their place in the container; `:ro` behind the place makes them read only. */
  mounts: Record<string, string>
}

/** What an engine puts into every container that is on this machine's network. */
const networkFiles = { '/etc/hosts:ro': '/etc/hosts', '/etc/resolv.conf:ro': '/etc/resolv.conf' }

/** A container: process 1 of its own, a read-only root, the image's user without any rights; the network is this machine's. */
export class Container {
  readonly #child: ChildProcess
  readonly #root: string
  readonly #name: string
  readonly #config: ImageConfig
  #said = ''
  readonly ended: Promise<number | string>

  constructor({ image, args, mounts: own }: ContainerOptions) {
    const mounts = { ...networkFiles, ...own }
    this.#config = imageConfig(image)
    this.#name = buildah('from', image)
    this.#root = buildah('mount', this.#name)
    const { Entrypoint, Cmd } = this.#config
    const script = setUp(this.#root, mounts, this.#inside([...Entrypoint, ...(args ?? Cmd)]))
    const unshare = ['--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child', 'sh', '-euc', script]
    this.#child = spawn('unshare', unshare, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (data) => (this.#said += String(data)))
    this.ended = new Promise((done) => this.#child.once('close', (code, signal) => done(code ?? signal ?? 1)))
  }

  output(): string {
    return this.#said
  }

  /** Process 1 of the container, by this machine's count. */
  get init(): number {
    return Number(childrenOf(this.#child.pid!)[0])
  }

  /** What process 1 has started. */
  children(): number[] {
    return childrenOf(this.init).map(Number)
  }

  signal(name: string): void {
    process.kill(this.init, name as NodeJS.Signals)
  }

  /** Runs a command in it, as the image's user, like `docker exec`. */
  exec(command: string[]): { status: number | null; stdout: string } {
    const inside = this.#inside(command, { alreadyIn: true })
    const args = ['--target', String(this.init), '--mount', '--pid', '--root', '--wd', 'sh', '-euc', inside]
    const { status, stdout } = spawnSync('nsenter', args, { encoding: 'utf8' })
    return { status, stdout }
  }

  remove(): void {
    this.#child.kill('SIGKILL')
    buildah('rm', this.#name)
  }

  /** A shell's line that becomes the command, with the image's user, environment and folder, and no rights. */
  #inside(command: string[], { alreadyIn = false } = {}): string {
    const { User, Env, WorkingDir } = this.#config
    const root = alreadyIn ? '/' : this.#root
    const [user, group] = User.split(':')
    const enter = ['chroot', `--userspec=${user}:${group}`, '--groups=', root]
    const become = ['env', '--ignore-environment', `--chdir=${WorkingDir}`, ...Env]
    return ['exec', 'setpriv', '--no-new-privs', ...enter, ...become, ...command].map(quote).join(' ')
  }
}

/** Mounts as an engine makes them; what is mounted goes with the namespace. */
function setUp(root: string, mounts: Record<string, string>, run: string): string {
  const bind = Object.entries(mounts).flatMap(([place, source]) => {
    const [path, mode] = place.split(':') as [string, string | undefined]
    const target = join(root, path)
    makePlace(source, target)
    const readOnly = mode === 'ro' ? [`mount -o remount,bind,ro ${quote(target)}`] : []
    return [`mount --bind ${quote(source)} ${quote(target)}`, ...readOnly]
  })
  const at = quote(root)
  return [
    'mount --make-rprivate /',
    `mount --bind ${at} ${at}`,
    `mount -t proc proc ${at}/proc`,
    `mount -t tmpfs -o size=64m,mode=1777,noexec,nosuid,nodev tmpfs ${at}/tmp`,
    `mount --rbind /dev ${at}/dev`,
    `mount -o remount,bind,ro ${at}`,
    ...bind,
    run
  ].join('\n')
}

function makePlace(source: string, target: string): void {
  const isFolder = spawnSync('test', ['-d', source]).status === 0
  mkdirSync(isFolder ? target : dirname(target), { recursive: true })
  if (!isFolder) writeFileSync(target, '')
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
