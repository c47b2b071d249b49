// Puts messages of a few alarms, each with a note of its seq, into the outbox of argv[2] until it is killed.
import { silentLog } from '../../../dist/core/log.js'
import { openOutbox } from '../../../dist/stages/outbox/index.js'

const outbox = await openOutbox({
  path: process.argv[2],
  maxMessages: 100_000,
  expiryMs: 3_600_000,
  log: silentLog,
  clock: Date
})
for (let seq = Date.now(); ; seq++) {
  const ids = ['a', 'b', 'c']
  await Promise.all(
    ids.map((id) => outbox.put('alarm', { alarm_id: id, seq }, { note: { key: `alarm/${id}`, value: { seq } } }))
  )
  process.stdout.write(`${seq}\n`)
}
