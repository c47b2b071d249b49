/** `painlens reference`: the running painlens takes a bed's resting face, or removes it. */
import { openConfig } from '../../config/index.js'
import { ControlError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { askReference, userName } from '../../daemon/control/client.js'
import { refuseHeld } from '../../daemon/control/holder.js'
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
  if (taken === null) {
    await refuseHeld(config.outbox.path)
    throw new ControlError('PL-REFERENCE-NOT-RUNNING', 'no painlens listens here, and none has its outbox', path)
  }
  if (taken === undefined) write(`Removed: pain is judged without a resting face (${place}).\n`)
  else {
    const { frames, shift } = taken
    const { max_shift: most } = config.alarm.reference
    write(`Taken from ${frames} frames: pain is judged against this resting face until it expires (${place}).\n`)
    write(
      shift < leastTold
        ? 'It changes next to nothing: to the model this face at rest looks no more like pain than its neutral faces.\n'
        : `It lowers pain by up to ${shift.toFixed(2)} in units of the model's outputs, of which alarm.reference.max_shift allows ${most}.\n`
    )
  }
  return 0
}

/** A shift below it moves a score by 0.01 at most. */
const leastTold = 0.04
