import { isSameFile, type OpenedConfig } from '../../config/index.js'
import { ControlError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { duration } from '../../core/progress-line.js'
import { askCameras } from '../../daemon/control/client.js'
import { outboxHolder } from '../../daemon/control/holder.js'
import type { CamerasAnswer } from '../../daemon/control/protocol.js'
import { controlSocket } from '../../daemon/control/socket.js'
import { type CheckResult, fail, ok, type Running, warn } from './result.js'

const what = 'daemon'

/** Whether a painlens runs with this outbox, and what it watches; no finding where none runs. */
export async function askRunning(
  { config: { outbox, cameras }, file, env }: Pick<OpenedConfig, 'config' | 'file' | 'env'>,
  signal: AbortSignal
): Promise<Running> {
  try {
    const daemon = await askCameras(controlSocket(outbox.path, env), signal)
    if (daemon) {
      const runs = ok(what, describe(daemon, new Set(cameras.map(({ id }) => id))))
      return { daemon, findings: [runs, ...otherFile(daemon, file)] }
    }
    const holder = await outboxHolder(outbox.path)
    return { daemon: null, findings: holder === null ? [] : [held(outbox.path, holder)] }
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    return { daemon: null, findings: [warn(error.code, what, `${error.where}: ${error.what}`)] }
  }
}

function describe({ version, device, pid, started, cameras }: CamerasAnswer, known: ReadonlySet<string>): string {
  const runs = `painlens ${version} runs as ${device}, process ${pid}, for ${duration(Date.now() - Date.parse(started))}`
  const others = cameras.map(({ id }) => id).filter((id) => !known.has(id))
  const watches = `watches ${cameras.length === 1 ? 'one camera' : `${cameras.length} cameras`}`
  return `${runs}, ${watches}${others.length > 0 ? `, ${others.join(', ')} not in this config` : ''}`
}

/** Compares the files: a painlens started by hand may have another config. In a container the same file has the same name. */
function otherFile({ config }: CamerasAnswer, file: string): CheckResult[] {
  if (config === undefined || isSameFile(config, file)) return []
  return [fail('PL-CONFIG-OTHER', what, `it reads ${printable(config)}, and ${file} was checked`)]
}

const held = (path: string, pid: number): CheckResult =>
  warn('PL-CONTROL-HELD', what, `process ${pid} has the outbox ${path}, and no painlens answers`)
