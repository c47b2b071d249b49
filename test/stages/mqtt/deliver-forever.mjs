// Waits for a line on standard input, so that a test need not wait for the loading of modules. Then:
// the real outbox (folder argv[2]) and MQTT stage (broker argv[3]) until it is killed. Puts alarms named after argv[4],
// and says `alarm_id seq` of each once `put` has resolved. With argv[5] it puts none, and says `empty` when all is out.
import { silentLog } from '../../../dist/core/log.js'
import { requirePackage } from '../../../dist/core/packages.js'
import { Secrets } from '../../../dist/core/secrets.js'
import { startMqtt } from '../../../dist/stages/mqtt/index.js'
import { openOutbox } from '../../../dist/stages/outbox/index.js'

const [path, url, life, onlyDeliver] = process.argv.slice(2)
const clock = Date
requirePackage('mqtt')
await new Promise((resolve) => process.stdin.once('data', resolve))
const outbox = await openOutbox({ path, maxMessages: 100_000, expiryMs: 3_600_000, log: silentLog, clock })
const mqtt = await startMqtt({
  broker: { url },
  device: 'test',
  session: life,
  version: '0.0.0',
  outbox,
  commands: {},
  // Nothing is known here, and so nothing is published.
  health: () => {
    throw new Error('no health')
  },
  privacy: { publishEmotions: false, publishHeatmap: false },
  secrets: new Secrets(),
  log: silentLog,
  clock,
  backoff: { minMs: 10, maxMs: 100 }
})
/** All that an alarm has by the contract. */
const alarm = (alarm_id, seq) => ({
  schema: 1,
  alarm_id,
  phase: phaseOf(seq),
  seq,
  type: 'technical',
  condition: 'test',
  priority: 'low',
  state: seq === 5 ? 'ended' : 'active',
  reason: seq === 5 ? 'test' : null,
  ack: null,
  previous: null,
  reminder: null,
  confirmed: true,
  reference: null,
  location: { facility: null, ward: null, room: null, bed: null },
  camera: null,
  onset: '2026-01-01T00:00:00.000Z',
  updated: '2026-01-01T00:00:00.000Z',
  published: null,
  score: null,
  threshold: null,
  duration_s: 0,
  code: null,
  text: { en: 'Test alarm', de: 'Testalarm' },
  late: false,
  test: true,
  model: null
})
const phaseOf = (seq) => (seq === 0 ? 'start' : seq === 5 ? 'end' : 'update')
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

if (onlyDeliver) {
  while (outbox.depth() > 0) await pause(5)
  await mqtt.stop()
  await outbox.close()
  process.stdout.write('empty\n')
  process.exit(0)
} else {
  for (let episode = 0; ; episode++) {
    for (let seq = 0; seq <= 5; seq++) {
      // Three alarms at a time, as of three beds.
      const ids = [0, 1, 2].map((bed) => `${life}-${episode}-${bed}`)
      await Promise.all(ids.map((id) => mqtt.putAlarmInOutbox(alarm(id, seq))))
      process.stdout.write(ids.map((id) => `${id} ${seq}\n`).join(''))
      await pause(4)
    }
  }
}
