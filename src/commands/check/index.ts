import { type LoadedConfig, loadConfig } from '../../config/index.js'
import { ConfigError } from '../../core/errors.js'
import { Secrets } from '../../core/secrets.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { checkBroker } from './broker.js'
import { checkCameras, checkFfmpeg } from './camera.js'
import { askRunning } from './daemon.js'
import { checkClock, checkDisk, checkHttp, checkPasswords } from './machine.js'
import { checkFaceModels, checkModel, checkProvider } from './model.js'
import { type Check, type CheckContext, type CheckResult, fail, ok, runCheck } from './result.js'

export interface CheckOptions {
  /** The config file. */
  config: string
}

export interface CheckIo {
  write: Write
  env: Readonly<Record<string, string | undefined>>
}

const standardIo: CheckIo = {
  write: toStdout,
  env: process.env
}

/** What needs no config, in the order of the lines. */
const machineChecks: readonly Check[] = [
  { what: 'ffmpeg', run: checkFfmpeg },
  { what: 'clock', run: () => checkClock() }
]

/** One after the other, because the provider's check holds the thread that the cameras' timeouts need. */
const configChecks: readonly Check[] = [
  { what: 'passwords', run: checkPasswords },
  { what: 'daemon', run: async ({ running }) => [...running.findings] },
  { what: 'cameras', run: checkCameras },
  { what: 'model', run: checkModel },
  { what: 'face models', run: checkFaceModels },
  { what: 'provider', run: checkProvider },
  { what: 'broker', run: checkBroker },
  { what: 'http', run: checkHttp },
  { what: 'disk', run: checkDisk }
]

/**
 * `painlens check`, the technician's: tries everything that the config names, whatever of it fails, and prints a line
 * for each with a fix below where one is needed. Of cameras that a running painlens watches it reports what that sees: many
 * cameras allow one viewer. Nothing rings: the broker gets a message on painlens/<device>/check,
 * and one on painlens/<device>/command/check that a running painlens leaves alone.
 * @returns 0 when no line is red, 1 when one is, 2 when the config is wrong
 */
export async function checkCommand(
  options: CheckOptions,
  signal: AbortSignal,
  io: Partial<CheckIo> = {}
): Promise<number> {
  const { write, env } = { ...standardIo, ...io }
  const secrets = new Secrets()
  const findings: CheckResult[] = []
  const tell = (finding: CheckResult): void => {
    findings.push(finding)
    write(secrets.redact(line(finding)), { to: markWidth, sgr: marks[finding.state].sgr })
  }
  const loaded = await load(options.config, env, tell)
  for (const secret of loaded?.secrets ?? []) secrets.add(secret)
  const running = loaded ? await askRunning(loaded.config, env, signal) : { daemon: null, findings: [] }
  const checks = loaded ? [...machineChecks, ...configChecks] : machineChecks
  for (const check of checks) {
    // Those of the machine ask for nothing in the context.
    const context = { config: loaded?.config, secrets, running, signal } as CheckContext
    const found = await runCheck(check, context)
    if (signal.aborted) return 1
    found.forEach(tell)
  }
  write(summary(findings))
  if (!loaded) return 2
  return findings.some(({ state }) => state === 'fail') ? 1 : 0
}

/** @returns null, with the problems told, where the config is wrong */
async function load(
  file: string,
  env: CheckIo['env'],
  tell: (finding: CheckResult) => void
): Promise<LoadedConfig | null> {
  try {
    const loaded = await loadConfig(file, { env })
    const count = loaded.config.cameras.length
    tell(ok('config', `${loaded.file}, ${count === 1 ? 'one camera' : `${count} cameras`}`))
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

const marks: Record<CheckResult['state'], { text: string; sgr: string }> = {
  ok: { text: '[ ok ]', sgr: '32' },
  warn: { text: '[warn]', sgr: '33' },
  fail: { text: '[fail]', sgr: '31' }
}
const markWidth = 6

const whatWidth = 16
const indent = ' '.repeat(7 + whatWidth)

/** `[fail] broker          mqtt://…: nothing listens there`, and the fix with its code on a line of its own. */
function line({ state, what, found, fix, code }: CheckResult): string {
  const lines = [...found.split('\n'), ...(fix ? [`→ ${fix} [${code}]`] : [])]
  return `${marks[state].text} ${what.padEnd(whatWidth - 1)} ${lines.join(`\n${indent}`)}\n`
}

function summary(findings: readonly CheckResult[]): string {
  const count = (state: CheckResult['state']): number => findings.filter((finding) => finding.state === state).length
  return `\n${count('ok')} ok, ${count('warn')} to consider, ${count('fail')} to mend\n`
}
