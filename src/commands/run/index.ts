import { type Config, findConfig, loadConfig } from '../../config/index.js'
import { systemClock } from '../../core/clock.js'
import { logCrashes } from '../../core/crash.js'
import { DiskError, errorFields, messageOf } from '../../core/errors.js'
import { finishExchange, restoreJournal } from '../../core/exchange.js'
import { createLog, type Log, lineForm } from '../../core/log.js'
import { Secrets } from '../../core/secrets.js'
import { version } from '../../core/version.js'
import { createNotifier } from '../../daemon/health/systemd.js'
import { type Daemon, startDaemon } from '../../daemon/wiring/daemon.js'

const statusEveryMs = 10_000
const stopMs = 2700

/** Listens for SIGHUP from the start of the process: one that comes before the daemon runs is carried out once it does. */
class Hangup {
  #reload: (() => void) | undefined
  #missed = false

  constructor() {
    process.on('SIGHUP', () => {
      if (this.#reload) this.#reload()
      else this.#missed = true
    })
  }

  /** @param reload called for each signal from now on, and for one that came before */
  onSignal(reload: () => void): void {
    this.#reload = reload
    if (this.#missed) reload()
  }
}

/**
 * `painlens run`: the daemon until SIGTERM or SIGINT. SIGHUP reads the config again.
 * @returns 0 after a requested stop, 1 after the loss of a vital part
 */
export async function runCommand(
  { config: given }: { config: string | undefined },
  signal: AbortSignal
): Promise<number> {
  // Without a listener SIGHUP would end the process while it starts, which may take a minute, or stops.
  const hangup = new Hangup()
  const { file, by } = findConfig(given)
  completeRestore(file)
  const { config, secrets: found } = await loadConfig(file)
  const secrets = new Secrets()
  for (const value of found) secrets.add(value)
  const log = createLog(config.log.level, secrets, undefined, lineForm(config.log.format))
  logCrashes(log)
  const notifier = createNotifier({ env: process.env, log })
  let fatal: (error: Error) => void = () => undefined
  const died = new Promise<Error>((resolve) => {
    fatal = resolve
  })
  const starting = startDaemon({
    config,
    configFile: file,
    secrets,
    log,
    clock: systemClock,
    onFatal: fatal,
    signal
  })
    // Errors from here on are printed by `report`, not logged.
    .catch((error: unknown) => Promise.reject(secrets.clean(error)))
  const daemon = await Promise.race([starting, aborted(signal)])
  if (!daemon) return giveUp(starting)
  log.info({ version, device: config.device, config: `${file}, ${by}`, cameras: idsOf(config) }, 'painlens runs')
  hangup.onSignal(() => void reload(file, daemon, secrets, log))
  await notifier.ready(daemon.summary())
  notifier.startWatchdog(() => daemon.isAlive())
  const status = setInterval(() => void notifier.status(daemon.summary()), statusEveryMs)
  let error: Error | undefined
  try {
    error = await Promise.race([died, aborted(signal)])
    if (error) log.error(errorFields(error), 'painlens stops, because it cannot go on')
    else log.info({}, 'painlens stops')
    return error ? 1 : 0
  } finally {
    clearInterval(status)
    hangup.onSignal(() => undefined)
    await endInTime(Promise.all([notifier.stopping(), daemon.stop()]), error ? 'SIGKILL' : 'SIGTERM')
    await notifier.stop()
  }
}

/** Half a restore would be the config of one box with the alarms of another. */
function completeRestore(configFile: string): void {
  try {
    finishExchange(restoreJournal(configFile))
  } catch (error) {
    const what = `a restore was interrupted, and this user cannot complete it (${messageOf(error)})`
    throw new DiskError('PL-RESTORE-INTERRUPTED', what, configFile, { cause: error })
  }
}

/** Asked to stop in the middle of the start, which loads models. */
async function giveUp(starting: Promise<Daemon>): Promise<number> {
  const stopped = starting.then(
    (daemon) => daemon.stop(),
    () => undefined
  )
  await endInTime(stopped, 'SIGTERM')
  return 0
}

/**
 * Waits for everything to stop. Native code that loads or runs a large model cannot be interrupted, and a process that
 * exits in the middle of it aborts; where it takes too long a signal ends the process.
 * @param by SIGTERM, by its own default, is a clean end for systemd; SIGKILL is a failure, after which it starts painlens anew
 */
async function endInTime(stopped: Promise<unknown>, by: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const timer = setTimeout(() => {
    process.removeAllListeners('SIGTERM')
    process.kill(process.pid, by)
  }, stopMs)
  await stopped
  clearTimeout(timer)
}

/** With an invalid file the running config stays, which the log and an alarm report. */
async function reload(file: string, daemon: Daemon, secrets: Secrets, log: Log): Promise<void> {
  try {
    const { config, secrets: found } = await loadConfig(file)
    for (const value of found) secrets.add(value)
    const left = await daemon.reload(config)
    log.info({ config: file, cameras: idsOf(config) }, 'config read again')
    if (left.length > 0) log.warn({ sections: left }, 'these sections changed too; a restart takes them over')
  } catch (error) {
    log.error(errorFields(error), 'the config was not taken over; the running one stays')
    daemon.rejected(error as Error)
  }
}

const idsOf = ({ cameras }: Config): string[] => cameras.map(({ id }) => id)

function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
}
