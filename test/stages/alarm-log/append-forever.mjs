// Appends alarms to the log of argv[2] until it is killed, and says the number of each once it is on disk.
import { silentLog } from '../../../dist/core/log.js'
import { openAlarmLog } from '../../../dist/stages/alarm-log/index.js'

const alarmLog = openAlarmLog({ path: process.argv[2], maxBytes: 1e6, encode: JSON.stringify, log: silentLog })
const at = new Date().toISOString()
for (let seq = Number(process.argv[3]); ; seq++) {
  alarmLog.append({ alarm_id: 'a', seq, condition: 'test', onset: at, updated: at, text: { en: 'x'.repeat(5000) } })
  await alarmLog.flushed()
  process.stdout.write(`${seq}\n`)
}
