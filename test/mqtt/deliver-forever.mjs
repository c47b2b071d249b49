// Waits for a line on standard input, so that a test need not wait for the loading of modules. Then:
// the real outbox (folder argv[2]) and MQTT stage (broker argv[3]) until it is killed. Puts alarms named after argv[4],
// and says `alarm_id seq` of each once `put` has resolved. With argv[5] it puts none, and says `empty` when all is out.
import { Secrets } from '../../dist/core/secrets.js'
import { startMqtt } from '../../dist/mqtt/index.js'
import { openOutbox } from '../../dist/outbox/index.js'

const [path, url, life, onlyDeliver] = process.argv.slice(2)
const nothing = () => undefined
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log }
const clock = Date
await new Promise((resolve) => process.stdin.once('data', resolve))
const outbox = await openOutbox({ path, maxMessages: 100_000, expiryMs: 3_600_000, log, clock })
const mqtt = await startMqtt({
  broker: { url },
  device: 'test',
  session: life,
  version: '0.0.0',
  outbox,
  commands: {},
  health: () => ({}),
  privacy: { publishEmotions: false, publishHeatmap: false },
  secrets: new Secrets(),
  log,
  clock,
  backoff: { minMs: 10, maxMs: 100 }
})
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

if (onlyDeliver) {
  while (outbox.depth() > 0) await pause(5)
  await mqtt.stop()
  await outbox.close()
  process.stdout.write('empty\n')
  process.exit(0)
} else {
  const phaseOf = (seq) => (seq === 0 ? 'start' : seq === 5 ? 'end' : 'update')
  for (let episode = 0; ; episode++) {
    for (let seq = 0; seq <= 5; seq++) {
      // Three alarms at a time, as of three beds.
      const ids = [0, 1, 2].map((bed) => `${life}-${episode}-${bed}`)
      const puts = ids.map((alarm_id) =>
        mqtt.alarm({ schema: 1, alarm_id, phase: phaseOf(seq), seq, late: false, published: null })
      )
      await Promise.all(puts)
      process.stdout.write(ids.map((id) => `${id} ${seq}\n`).join(''))
      await pause(4)
    }
  }
}
