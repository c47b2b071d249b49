import { configSchema } from '../../src/config/schema.js'
import { alarmOptions } from '../../src/daemon/wiring/mapping.js'

const config = configSchema.parse({
  device: 'box',
  mqtt: { url: 'mqtt://localhost' },
  cameras: [{ id: 'a', url: 'rtsp://localhost/a' }]
})

const { rules, priorities } = alarmOptions(config)

/** What the alarm stage is told by a config that says nothing of alarms. */
export const alarmDefaults = { rules, priorities }
