/** `painlens reference`: the running painlens takes a bed's resting face, or removes it. */
import { openConfig } from '../../config/index.js'
import { ControlError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { askReference, userName } from '../../daemon/control/client.js'
import { controlSocket } from '../../daemon/control/socket.js'

export interface ReferenceOptions {
  /** The camera's id. */
  camera: string
  config: string | undefined
  zone: string | undefined
  seconds: number
  by: string | undefined
  remove: boolean | undefined
}

/**
 * @returns 0
 * @throws ConfigError, ControlError; InputError where the daemon refuses: no face at rest, a face that shows pain, no such camera
 */
export async function referenceCommand(
  { camera, config: file, zone, seconds, by, remove = false }: ReferenceOptions,
  signal: AbortSignal,
  { write = toStdout, env: given = process.env }: { write?: Write; env?: NodeJS.ProcessEnv } = {}
): Promise<number> {
  const { config, env } = await openConfig(file, { env: given })
  const path = controlSocket(config.outbox.path, env)
  const place = `camera ${printable(camera)}${zone === undefined ? '' : `, zone ${printable(zone)}`}`
  if (!remove) write(`Looking at ${place} for ${seconds} s …\n`)
  const asked = { camera, zone, seconds, by: by ?? userName() ?? 'painlens reference', remove }
  const taken = await askReference(path, asked, signal)
  if (taken === null) throw new ControlError('PL-REFERENCE-NOT-RUNNING', 'no painlens runs here', path)
  if (taken === undefined) write(`Removed: pain is judged without a resting face (${place}).\n`)
  else
    write(
      `Taken from ${taken.frames} frames. Until it expires, pain is judged against this resting face, which lowers it by ${taken.shift.toFixed(1)} at most (${place}).\n`
    )
  return 0
}
