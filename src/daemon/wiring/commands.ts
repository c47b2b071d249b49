/** The MQTT commands. */
import { type Clock, later, stamp, timeOfDay } from '../../core/clock.js'
import { InputError } from '../../core/errors.js'
import { printable } from '../../core/printable.js'
import type { Alarms } from '../../stages/alarm/index.js'
import type { CommandHandlers } from '../../stages/mqtt/index.js'
import type { References } from '../../stages/reference/index.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import { judgesFaces } from '../report/pain-states.js'
import type { Reporter } from '../report/reporter.js'

export interface CommandDependencies {
  alarms: Alarms
  cameras: ReadonlyMap<string, WatchedCamera>
  reporter: Reporter
  /** Null where alarm.reference.enabled is false. */
  references: Pick<References, 'take' | 'remove'> | null
  /** Resolves when the alarm stage knows the alarms of earlier runs. */
  recalled: Promise<void>
  clock: Clock
}

const secondMs = 1000

function checkZone({ config: { id, zones } }: WatchedCamera, zone: string | null): void {
  if (zone === null || zones.some(({ name }) => name === zone)) return
  const known = zones.map(({ name }) => name).join(', ')
  throw new InputError('PL-REFERENCE-ZONE', 'there is no zone of that name', `camera ${id}`, {
    fix: known === '' ? 'The camera has no zones: leave it out.' : `Name one of: ${known}.`
  })
}

export function commandHandlers(dependencies: CommandDependencies): CommandHandlers {
  const { alarms, cameras, reporter, recalled, clock } = dependencies
  const find = (id: string): WatchedCamera => {
    const camera = cameras.get(id)
    if (camera) return camera
    const known = [...cameras.keys()].join(', ')
    throw new InputError('PL-COMMAND-NO-CAMERA', 'there is no camera of that name', 'command', {
      fix: `Name one of: ${known}.`
    })
  }
  return {
    async ack({ alarm_id, by, kind }) {
      if (!alarms.knows(alarm_id, clock.now())) await recalled
      // It reaches screens and terminals, which a control character must not steer.
      await reporter.acknowledged(alarms.ack(alarm_id, printable(by), kind, clock.now()))
      return undefined
    },
    async pause({ camera, duration_s }) {
      const until = find(camera).pause(later(clock.now(), duration_s * secondMs))
      return { until: stamp(clock, until) }
    },
    async resume({ camera }) {
      find(camera).resume()
      return undefined
    },
    async test_alarm({ camera, seconds, priority }) {
      const messages = alarms.testAlarm(camera, clock.now(), { seconds, priority })
      reporter.send(messages)
      return { alarm_id: messages[0]!.alarm_id }
    },
    async refresh() {
      reporter.refreshAll()
      return undefined
    },
    reference: async (command) => takeReference(command, find(command.camera), dependencies)
  }
}

/** Takes the resting face of a bed, or removes what was taken. */
async function takeReference(
  { camera: id, zone: named, seconds, by, remove, not_after }: Parameters<CommandHandlers['reference']>[0],
  camera: WatchedCamera,
  { alarms, references, clock }: CommandDependencies
): ReturnType<CommandHandlers['reference']> {
  const zone = named ?? null
  if (references === null)
    throw new InputError('PL-REFERENCE-OFF', 'painlens takes no resting faces here', 'alarm.reference.enabled')
  if (not_after !== undefined && timeOfDay(clock, clock.now()) > Date.parse(not_after))
    throw new InputError('PL-REFERENCE-LATE', 'the command came after its not_after', `camera ${id}`)
  if (remove) {
    await references.remove(id, zone, printable(by))
    return undefined
  }
  checkZone(camera, zone)
  const { state } = camera.stats()
  if (!judgesFaces[state]) throw new InputError('PL-REFERENCE-INTERRUPTED', `the camera is ${state}`, `camera ${id}`)
  // At the start, and for an alarm that begins meanwhile.
  const noOpenPain = (): void => {
    if (!alarms.hasOpenPain(id)) return
    const what = 'an alarm for pain is active that is not acknowledged as false_alarm'
    throw new InputError('PL-REFERENCE-ALARM', what, `camera ${id}`)
  }
  noOpenPain()
  return references.take({ camera: id, zone, seconds, by: printable(by) }, noOpenPain)
}
