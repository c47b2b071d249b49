// Appends alarms to the log of argv[2] until it is killed, and says the number of each once it is on disk.
import { silentLog } from '../../../dist/core/log.js'
import { openAlarmLog } from '../../../dist/stages/alarm-log/index.js'

const alarmLog = openAlarmLog({ path: process.argv[2], maxBytes: 1e6, encode: JSON.stringify, log: silentLog })
const at = new Date().toISOString()
const place = { camera: 'a', location: { facility: null, ward: null, room: null, bed: null } }
const subject = { type: 'technical', condition: 'test', priority: 'low', score: null, threshold: null, ...place }
const message = { alarm_id: 'a', phase: 'update', state: 'active', ...subject, ack: null, model: null, duration_s: 1 }
for (let seq = Number(process.argv[3]); ; seq++) {
  alarmLog.append({ ...message, seq, onset: at, updated: at, text: { en: 'x'.repeat(5000) } })
  await alarmLog.flushed()
  process.stdout.write(`${seq}\n`)
}
