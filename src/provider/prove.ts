/** Whether a build of ONNX Runtime works here: an inference of the real classifier, in a fresh process, on each provider. */
import { type ChildProcess, spawn } from 'node:child_process'
import { messageOf, ProviderError } from '../core/errors.js'
import { workerScript } from '../core/worker.js'
import type { ProviderName } from '../lib/ort/provider-names.js'
import { type Account, accountHere, confined, confinedEnvironment } from './confinement.js'
import type { ProofAnswer, ProofRequest, ProvedRun } from './proof-process.js'

/** Building engines for TensorRT, or CUDA's kernels for a new device, takes minutes. */
const timeoutMs = 15 * 60_000
/** Relative to the largest output. Kernels that add in another order differ by about 1e-5. */
const tolerance = 1e-3

/** For the error: what was tried, and what to do on failure. */
export interface Blame {
  where: string
  fix: string
}

export interface ProofOptions {
  blame: Blame
  signal?: AbortSignal
  /** Called once where the network could not be taken away. */
  say?: (line: string) => void
  /** Whose rights its code has; null for this process's own. */
  account?: Account | null
}

/** Before an answer: the process did not get as far as the native code. */
type NotBegun = { notBegun: string }

/**
 * Runs the classifier on each provider, in that order, in one process, which is confined where this one is root.
 * @throws ProviderError with the cause; the signal's reason when it is aborted
 */
export async function runProof(request: ProofRequest, options: ProofOptions): Promise<ProvedRun[]> {
  const answer = await confinedAnswer(request, options)
  if ('runs' in answer) return answer.runs
  const { where, fix } = options.blame
  const { provider, failure } = answer
  const missing = missingLibrary(failure)
  throw new ProviderError(
    missing ? 'PL-INSTALL-LIBRARY' : 'PL-INSTALL-UNUSABLE',
    missing
      ? `${provider} needs ${missing}, which is not on this machine`
      : `${provider} does not work here (${oneLine(failure)})`,
    where,
    { fix }
  )
}

/** Matches the system loader's `libcudart.so.12: cannot open shared object file`. */
export function missingLibrary(failure: string): string | undefined {
  const [before, ...rest] = failure.split(': cannot open shared object file')
  const name = before!.split(/[^\w.+-]/).at(-1)!
  return rest.length > 0 && name.startsWith('lib') ? name : undefined
}

async function confinedAnswer(request: ProofRequest, options: ProofOptions): Promise<ProofAnswer> {
  const { signal, say, account = accountHere() } = options
  signal?.throwIfAborted()
  let answer = await asked(startProof(account, false), request, signal)
  if (account && 'notBegun' in answer && /^unshare: /.test(answer.notBegun)) {
    say?.(
      `its network could not be taken away (${oneLine(answer.notBegun)}), so an archive that you do not trust could use it`
    )
    answer = await asked(startProof(account, true), request, signal)
  }
  if (!('notBegun' in answer)) return answer
  const what = account
    ? `the user ${account.name}, as whom an archive's code is tried, cannot run it (${oneLine(answer.notBegun)})`
    : `the process that tries it does not start (${oneLine(answer.notBegun)})`
  throw new ProviderError('PL-INSTALL-CONFINED', what, options.blame.where)
}

/** @param network whether it keeps the network */
function startProof(account: Account | null, network: boolean): ChildProcess {
  const plain = [process.execPath, workerScript(import.meta.url, './proof-process.js')]
  const [file, ...args] = account ? confined(plain, account, network) : plain
  // Off, since TensorFloat-32 rounds to 10 bits, which the comparison would take for an error.
  const env = { ...(account ? confinedEnvironment(process.env) : process.env), NVIDIA_TF32_OVERRIDE: '0' }
  return spawn(file!, args, { env, cwd: '/', serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
}

function asked(child: ChildProcess, request: ProofRequest, signal?: AbortSignal): Promise<ProofAnswer | NotBegun> {
  const last: string[] = []
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    last.push(text)
    if (last.length > 20) last.shift()
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const onAbort = (): void => void child.kill('SIGKILL')
    signal?.addEventListener('abort', onAbort, { once: true })
    let answer: ProofAnswer | NotBegun | null = null
    let begun = false
    let tried = request.providers[0]!
    child.on('message', (message: ProofAnswer | NotBegun | { begun: true } | { trying: ProviderName }) => {
      if ('begun' in message) begun = true
      else if ('trying' in message) tried = message.trying
      else answer = message
    })
    child.on('error', (error) => {
      answer ??= { notBegun: messageOf(error) }
    })
    child.on('close', (code, killedBy) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      // Ctrl-C reaches this process and that one, in any order.
      if (signal?.aborted || killedBy === 'SIGINT')
        reject(signal?.reason ?? new ProviderError('PL-INSTALL-STOPPED', 'stopped', 'painlens provider'))
      else {
        const end = endOf(code, killedBy, last.join(''))
        resolve(answer ?? (begun ? { provider: tried, failure: end } : { notBegun: last.join('').trim() || end }))
      }
    })
    // If sending fails, the process has ended, which `close` reports.
    child.send(request, () => undefined)
  })
}

/** The error for a process that ended without an answer. */
function endOf(code: number | null, killedBy: NodeJS.Signals | null, said: string): string {
  const how = killedBy ? `was ended by ${killedBy}` : `ended with code ${code}`
  const last = said.trim().split('\n').at(-1)
  return `its process ${how}${last ? `: ${last}` : ''}`
}

/** Of a crash of Node.js the line that names the error, which is not the first. */
function oneLine(text: string): string {
  const lines = text.trim().split('\n')
  return (lines.find((line) => line.includes('Error: ')) ?? lines[0]!).slice(0, 300)
}

/**
 * Compares outputs with others of the same model and pictures.
 * @returns the largest difference as a share of the largest output
 * @throws ProviderError when that is more than 1e-3
 */
export function compareOutputs(run: ProvedRun, reference: ProvedRun, { where, fix }: Blame): number {
  const largest = Math.max(...reference.outputs.map(Math.abs))
  const differences = run.outputs.map((value, i) => Math.abs(value - reference.outputs[i]!))
  const difference = Math.max(...differences) / largest
  if (!(difference <= tolerance) || run.outputs.length !== reference.outputs.length)
    throw new ProviderError(
      'PL-INSTALL-DIFFERS',
      `the classifier's outputs on ${run.provider} differ from the CPU's by ${(100 * difference).toPrecision(2)} % of the largest, allowed is ${100 * tolerance} %`,
      where,
      { fix }
    )
  return difference
}
