// Puts alarms into the outbox of argv[2] until it is killed, and says the number of each once `put` has resolved.
import { silentLog } from '../../../dist/core/log.js'
import { openOutbox } from '../../../dist/stages/outbox/index.js'

const outbox = await openOutbox({
  path: process.argv[2],
  maxMessages: 100_000,
  expiryMs: 3_600_000,
  log: silentLog,
  clock: Date
})
for (let number = Number(process.argv[3]); ; number++) {
  await outbox.put('alarm', { alarm_id: `a${number % 3}`, number, late: false })
  process.stdout.write(`${number}\n`)
}
