import type { AlarmMessage } from '../../src/contract/messages.js'
import type { Clock } from '../../src/core/clock.js'
import { silentLog } from '../../src/core/log.js'
import { Reporter } from '../../src/daemon/report/reporter.js'
import { createAlarms } from '../../src/stages/alarm/index.js'
import { alarmDefaults } from './alarm-defaults.js'

/** The real reporter with the real alarm stage behind it. @param said gets each alarm message that would go into the outbox */
export function reporterInto(said: AlarmMessage[], clock: Clock): Reporter {
  return new Reporter({
    alarms: createAlarms({ ...alarmDefaults, cameras: {}, facility: null, model: null, clock }),
    mqtt: {
      putAlarmInOutbox: async (message) => void said.push(message),
      putAcknowledgementInOutbox: async () => undefined,
      cameraPain: () => undefined,
      observation: () => undefined,
      cameraState: () => undefined,
      refresh: () => undefined
    },
    alarmLog: { append: () => undefined },
    references: null,
    float32: { confirm: async () => null },
    explanations: null,
    measured: { frame: () => undefined, alarm: () => undefined },
    log: silentLog,
    clock
  })
}
