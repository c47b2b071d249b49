import {
  type FoundConfig,
  findConfig,
  isConfigOf,
  type OpenedConfig,
  openFound,
  readService,
  type Service
} from '../../config/index.js'
import { ConfigError } from '../../core/errors.js'
import { Secrets } from '../../core/secrets.js'
import { terminalWidth, toStderr, toStdout, type Write } from '../../core/terminal.js'
import { checkAsService } from './as-service.js'
import { askRunning } from './daemon.js'
import { checkClock, checkDisk, checkFfmpeg, checkHttp, checkPasswords } from './machine.js'
import { type Check, type CheckContext, type CheckResult, fail, ok, runCheck } from './result.js'

export interface CheckOptions {
  config: string | undefined
}

export interface CheckIo {
  write: Write
  /** What is said while a check takes long; not one of its lines. */
  say: Write
  /** Columns of the terminal; without one, lines are as long as they are. */
  width: number
  env: Readonly<Record<string, string | undefined>>
  /** The installed service, or null. */
  service: Service | null
  /** After so long it is said what a check waits for. */
  patienceMs: number
}

const standardIo = (): CheckIo => ({
  write: toStdout,
  say: toStderr,
  width: terminalWidth(),
  env: process.env,
  service: readService(),
  patienceMs: 5000
})

/** What needs no config, in the order of the lines. */
const machineChecks: readonly Check[] = [
  { what: 'ffmpeg', run: checkFfmpeg },
  { what: 'clock', run: () => checkClock() }
]

/**
 * One after the other, because the provider's check holds the thread that the cameras' timeouts need. What loads much is loaded for its
 * check alone: a wrong config is told at once.
 */
const configChecks: readonly Check[] = [
  { what: 'passwords', run: checkPasswords },
  { what: 'daemon', run: async ({ running }) => [...running.findings] },
  {
    what: 'cameras',
    waitsFor: 'the cameras',
    run: async (context) => (await import('./camera.js')).checkCameras(context)
  },
  {
    what: 'model',
    waitsFor: 'the model, which is opened for classifying and for explaining: up to a minute on a busy machine',
    run: async (context) => (await import('./model.js')).checkModel(context)
  },
  { what: 'face models', run: async (context) => (await import('./model.js')).checkFaceModels(context) },
  { what: 'provider', run: async (context) => (await import('./model.js')).checkProvider(context) },
  {
    what: 'broker',
    waitsFor: 'the broker',
    run: async (context) => (await import('./broker.js')).checkBroker(context)
  },
  { what: 'http', run: checkHttp },
  { what: 'page', run: async (context) => (await import('./page.js')).checkPage(context) },
  { what: 'disk', run: checkDisk }
]

/**
 * `painlens check`, the technician's: tries everything that the config names, whatever of it fails, and prints a line
 * for each with a fix below where one is needed. Of cameras that a running painlens watches it reports what that sees: many
 * cameras allow one viewer. Nothing rings: the broker gets a message on painlens/<device>/check,
 * and one on painlens/<device>/command/check that a running painlens leaves alone. Root's check of the service's config
 * runs as systemd runs the service.
 * @returns 0 when no line is red, 1 when one is, 2 when the config is wrong
 */
export async function checkCommand(
  options: CheckOptions,
  signal: AbortSignal,
  io: Partial<CheckIo> = {}
): Promise<number> {
  const { write, say, width, env, service, patienceMs } = { ...standardIo(), ...io }
  const found = findConfig(options.config, env)
  const elsewhere = await checkAsService(found, service, signal)
  if (elsewhere !== null) return elsewhere
  const secrets = new Secrets()
  const findings: CheckResult[] = []
  const tell = (finding: CheckResult): void => {
    findings.push(finding)
    write(secrets.redact(line(finding, width)), { to: markWidth, sgr: marks[finding.state].sgr })
  }
  const loaded = await load(found, env, service, tell)
  for (const secret of loaded?.secrets ?? []) secrets.add(secret)
  const running = loaded ? await askRunning(loaded, signal) : { daemon: null, findings: [] }
  const checks = loaded ? [...machineChecks, ...configChecks] : machineChecks
  for (const check of checks) {
    // The checks of the machine need no config.
    const context = { config: loaded?.config, secrets, running, signal } as CheckContext
    const { waitsFor } = check
    const waiting = waitsFor ? setTimeout(() => say(`… waiting for ${waitsFor}\n`), patienceMs) : undefined
    const results = await runCheck(check, context)
    clearTimeout(waiting)
    if (signal.aborted) return 1
    results.forEach(tell)
  }
  write(summary(findings))
  if (!loaded) return 2
  return findings.some(({ state }) => state === 'fail') ? 1 : 0
}

/** @returns null where the config is invalid, after printing its problems */
async function load(
  found: FoundConfig,
  env: CheckIo['env'],
  service: Service | null,
  tell: (finding: CheckResult) => void
): Promise<OpenedConfig | null> {
  if (service && !isConfigOf(service, found.file)) tell(otherConfig(found, service))
  try {
    const loaded = await openFound(found, { env, service })
    const count = loaded.config.cameras.length
    tell(ok('config', `${loaded.file} (${found.by}), ${count === 1 ? 'one camera' : `${count} cameras`}`))
    return loaded
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { code, where, problems, fix } = error
    tell(
      fail(
        code,
        'config',
        [where, ...problems].join('\n'),
        `${fix} Then check again: cameras, models and broker wait for it.`
      )
    )
    return null
  }
}

const otherConfig = ({ file, by }: FoundConfig, { config }: Service): CheckResult =>
  fail(
    'PL-CONFIG-OTHER',
    'config',
    `${file} (${by}) is not what the service reads, which is ${config}`,
    `To check what runs: sudo painlens check --config ${config}. To take this one into use: install.sh --config.`
  )

const marks: Record<CheckResult['state'], { text: string; sgr: string }> = {
  ok: { text: '[ ok ]', sgr: '32' },
  warn: { text: '[warn]', sgr: '33' },
  fail: { text: '[fail]', sgr: '31' }
}
const markWidth = 6

const whatWidth = 16
const indent = ' '.repeat(7 + whatWidth)

/** `[fail] broker          mqtt://…: nothing listens there`, and the fix with its code on a line of its own. */
function line({ state, what, found, fix, code }: CheckResult, width: number): string {
  const texts = [...found.split('\n'), ...(fix ? [`→ ${fix} [${code}]`] : [])]
  const lines = texts.flatMap((one) => wrapped(one, Math.max(least, width - indent.length)))
  return `${marks[state].text} ${what.padEnd(whatWidth - 1)} ${lines.join(`\n${indent}`)}\n`
}

const least = 30

/** In lines of at most `width` columns, broken at blanks; what has none, such as a path, stays whole to be copied. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function summary(findings: readonly CheckResult[]): string {
  const count = (state: CheckResult['state']): number => findings.filter((finding) => finding.state === state).length
  return `\n${count('ok')} ok, ${count('warn')} to consider, ${count('fail')} to mend\n`
}
