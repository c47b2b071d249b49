/** The whole command, as a technician runs it, on copies of this installation and real builds of ONNX Runtime. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { patience } from '../support/slowness.js'
import { copyInstallation, type Files, nativeFolder, root, withoutNamespaces, writeArchive } from './rig.js'

const model = join(root, 'models/pain-demo.onnx')
const shared = join(root, nativeFolder)
let folder: string
let main: string
let native: string
/** A real archive: this machine's CPU build, marked by a few bytes behind its library. */
let archive: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-provider-'))
  // For the user that an archive's code is tried as.
  chmodSync(folder, 0o755)
  process.env.PATH = `${withoutNamespaces(folder)}${delimiter}${process.env.PATH}`
  const build = join(folder, 'build')
  cpSync(shared, build, { recursive: true })
  appendFileSync(join(build, 'libonnxruntime.so.1'), 'the build of this test')
  const script = join(root, 'deploy/jetson/onnxruntime/build.sh')
  const packed = await run(script, ['--pack', build, '--out', folder])
  expect(packed.err).toMatch(/Next: sudo painlens provider install/)
  expect(packed.code).toBe(0)
  archive = join(folder, `painlens-onnxruntime-1.29.0-linux-${process.arch}-cpu.tar.gz`)
  ;({ main, native } = copyInstallation(join(folder, 'app')))
}, patience(120_000))
afterAll(() => rmSync(folder, { recursive: true }))

const beside = (): string[] => readdirSync(join(native, '..')).sort()
const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')
const libraryOf = (path: string): string => hashOf(join(path, 'libonnxruntime.so.1'))
let original: string

beforeEach(() => {
  for (const name of beside()) if (name !== process.arch) rmSync(join(native, '..', name), { recursive: true })
  rmSync(native, { recursive: true })
  cpSync(shared, native, { recursive: true })
  original = libraryOf(native)
})

type Ended = { code: number; out: string; err: string }

function run(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, (error, out, err) => resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }))
  })
}

const painlens = (...args: string[]): Promise<Ended> => run(process.execPath, [main, ...args])

/** The command as a process that a test can end; killed when the test is over. */
function start(...args: string[]): {
  child: ChildProcess
  said: (what: RegExp) => Promise<void>
  end: Promise<number | string>
} {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  const said = (what: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (what.test(out)) resolve()
      }
      child.stdout!.on('data', (chunk: Buffer) => {
        out += chunk.toString()
        look()
      })
      look()
    })
  const end = new Promise<number | string>((resolve) => child.once('close', (code, by) => resolve(by ?? code!)))
  return { child, said, end }
}

/** The library that an inference of this installation has loaded. */
async function loadedLibrary(): Promise<string> {
  const script = `
    const { proveProvider } = await import(${JSON.stringify(join(folder, 'app/dist/lib/ort/provider.js'))})
    const { nodes } = await proveProvider('cpu', ${JSON.stringify(model)})
    if (!nodes.CPUExecutionProvider) throw new Error('no node ran')
    const { readFileSync } = await import('node:fs')
    console.log(readFileSync('/proc/self/maps', 'utf8').match(/\\/\\S*libonnxruntime\\.so\\.1/)[0])`
  const { out, err } = await run(process.execPath, ['--input-type=module', '-e', script])
  expect(err).toBe('')
  return hashOf(out.trim())
}

describe('painlens provider', { timeout: patience(180_000) }, () => {
  it('installs an archive that runs the classifier, keeps the previous build, and rolls back to it', async () => {
    const inode = statSync(join(native, 'libonnxruntime.so.1')).ino
    const installed = await painlens('provider', 'install', archive)
    expect(installed).toMatchObject({ code: 0, err: '' })
    expect(installed.out).toMatch(/cpu: nodes \d+ on CPUExecutionProvider; outputs as before/)
    expect(installed.out).toMatch(/systemctl restart painlens/)
    expect(beside()).toEqual([process.arch, `${process.arch}.previous`])
    const marked = libraryOf(native)
    expect(marked).not.toBe(original)
    expect(await loadedLibrary()).toBe(marked)
    // Renamed, not copied or written: open files and hard links stay valid.
    expect(statSync(join(native, '../', `${process.arch}.previous`, 'libonnxruntime.so.1')).ino).toBe(inode)
    expect((await painlens('provider', 'status')).out).toMatch(
      /in place: cpu; ONNX Runtime 1\.29\.0 .*\n.*\nkept: ONNX Runtime 1\.29\.0 as onnxruntime-node brings it/
    )

    const again = await painlens('provider', 'install', archive)
    expect(again).toMatchObject({ code: 0, err: '' })
    expect(again.out).toMatch(/in place already/)
    expect(libraryOf(`${native}.previous`)).toBe(original)

    const back = await painlens('provider', 'rollback', '--model', join(root, 'models/pain-demo.yaml'))
    expect(back).toMatchObject({ code: 0, err: '' })
    expect(libraryOf(native)).toBe(original)
    expect(libraryOf(`${native}.previous`)).toBe(marked)
    expect(await loadedLibrary()).toBe(original)
  })

  it('names the missing CUDA library, and leaves the CPU build unchanged', async () => {
    const refused = await painlens('provider', 'install', cudaArchive())
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(
      /cuda needs libcublasLt\.so\.12, which is not on this machine\. Nothing was changed\. Install CUDA 12\.6 and cuDNN 9\.3\.0, which come with JetPack 6\.2/
    )
    expect(beside()).toEqual([process.arch])
    expect(libraryOf(native)).toBe(original)
    expect(await loadedLibrary()).toBe(original)
  })

  it('installs without running the classifier if --no-proof is given', async () => {
    const installed = await painlens('provider', 'install', '--no-proof', cudaArchive())
    expect(installed).toMatchObject({ code: 0, err: '' })
    expect(installed.out).toMatch(/not proved here; painlens proves it at each start/)
    expect((await painlens('provider', 'status')).out).toMatch(/in place: .*cuda/)
    expect(libraryOf(`${native}.previous`)).toBe(original)
  })

  it('refuses a build that crashes or does not load', async () => {
    const files = realFiles()
    const library = files['libonnxruntime.so.1']!
    files['libonnxruntime.so.1'] = library.subarray(0, Math.floor(library.length / 2))
    const refused = await painlens('provider', 'install', writeArchive(join(folder, 'half.tar.gz'), files))
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(/cpu does not work here \(.+\)\. Nothing was changed/)
    expect(beside()).toEqual([process.arch])
    expect(libraryOf(native)).toBe(original)
  })

  it('is repaired by the next command after a kill during the proof', async () => {
    const { child, said, end } = start('provider', 'install', archive)
    await said(/proving it/)
    child.kill('SIGKILL')
    expect(await end).toBe('SIGKILL')
    expect(existsSync(`${native}.change.json`)).toBe(true)
    expect(existsSync(`${native}.new`)).toBe(true)
    const next = await painlens('models', 'list')
    expect(next.code).toBe(0)
    expect(next.err).toMatch(/was cut short; what was there before is in place again/)
    expect(beside()).toEqual([process.arch])
    expect(libraryOf(native)).toBe(original)
    expect((await painlens('models', 'list')).err).toBe('')
  })

  it('is repaired by the next command after a kill between its two renames', async () => {
    // The state after a kill: the old build is moved away, the new one not yet in its place.
    const journal = { pid: 2 ** 22 + 1, born: 'a boot 1', from: 'archive' }
    mkdirSync(`${native}.new`)
    cpSync(native, `${native}.old`, { recursive: true })
    rmSync(native, { recursive: true })
    appendFileSync(`${native}.change.json`, JSON.stringify(journal))
    const next = await painlens('models', 'list')
    expect(next.code).toBe(0)
    expect(next.err).toMatch(/what was there before is in place again/)
    expect(beside()).toEqual([process.arch])
    expect(await loadedLibrary()).toBe(original)
  })

  it('undoes its changes on Ctrl-C', async () => {
    const { child, said, end } = start('provider', 'install', archive)
    await said(/unpacking/)
    child.kill('SIGINT')
    expect(await end).toBe(1)
    expect(beside()).toEqual([process.arch])
    expect(libraryOf(native)).toBe(original)
  })

  it('reports an invalid archive, and a rollback without a previous build', async () => {
    expect(await painlens('provider', 'install', join(folder, 'none.tar.gz'))).toMatchObject({ code: 1 })
    expect((await painlens('provider', 'rollback')).err).toMatch(/no build before this one is kept/)
    expect(await painlens('provider', 'install')).toMatchObject({ code: 2 })
    expect((await painlens('provider', 'install', archive, '--model', 'none.yaml')).err).toMatch(
      /manifest cannot be read/
    )
  })
})

function realFiles(): Files {
  return Object.fromEntries(readdirSync(shared).map((name) => [name, readFileSync(join(shared, name))]))
}

/**
 * A build with a library that asks the loader for one of CUDA's, which is not here: the binding under another name, with
 * the name of ONNX Runtime's library in its list of needed libraries (DT_NEEDED) written over.
 */
function cudaArchive(): string {
  const files = realFiles()
  const library = Buffer.from(files['onnxruntime_binding.node']!)
  const needed = 'libonnxruntime.so.1\0'
  const at = library.indexOf(needed)
  expect(at).toBeGreaterThan(0)
  library.write('libcublasLt.so.12'.padEnd(needed.length, '\0'), at, 'latin1')
  files['libonnxruntime_providers_cuda.so'] = library
  files['libonnxruntime_providers_shared.so'] = files['onnxruntime_binding.node']!
  const machine = { cuda: '12.6', cuda_architectures: ['87'], cudnn: '9.3.0', jetpack: '6.2' }
  return writeArchive(join(folder, 'cuda.tar.gz'), files, { providers: ['cpu', 'cuda'], ...machine })
}
