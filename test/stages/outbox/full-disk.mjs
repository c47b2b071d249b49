// The outbox of argv[2] (on its own small file system) while the disk fills up and is emptied again; prints the alarms'
// fates as JSON. Each step is read from argv[3...]: put:N fill free wait drain reopen kill.
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openOutbox } from '../../../dist/stages/outbox/index.js'

const [folder, ...steps] = process.argv.slice(2)
const lines = []
const write = (level) => (fields, text) => void lines.push(`${level} ${text} ${JSON.stringify(fields)}`)
const log = { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') }
const open = () =>
  openOutbox({ path: join(folder, 'outbox'), maxMessages: 100_000, expiryMs: 3_600_000, log, clock: Date, retryMs: 20 })
const sent = []
let outbox
let count = 0
let fillers = 0

function fill(bytes) {
  try {
    for (;;) writeFileSync(join(folder, `filler${fillers++}`), Buffer.alloc(bytes, 1))
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error
  }
}
async function until(done) {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const acts = {
  async put(number) {
    for (const end = count + Number(number); count < end; count++)
      await outbox.put('alarm', { alarm_id: `a${count % 5}`, number: count, late: false, padding: 'x'.repeat(700) })
  },
  fill() {
    for (const bytes of [65_536, 1024, 1]) fill(bytes)
  },
  free() {
    for (const name of readdirSync(folder)) if (name.startsWith('filler')) rmSync(join(folder, name))
  },
  wait: () => until(() => outbox.stats().inMemory === 0),
  async drain() {
    const over = new AbortController()
    const publish = async ({ payload }) => void sent.push(payload.number) ?? 'confirmed'
    const draining = outbox.drain(publish, over.signal)
    await until(() => outbox.depth() === 0)
    over.abort()
    await draining
  },
  async reopen() {
    await outbox?.close()
    outbox = await open()
  },
  say: () => process.stdout.write(JSON.stringify({ count, sent, lines, stats: outbox.stats() })),
  kill: () => process.kill(process.pid, 'SIGKILL')
}
for (const step of ['reopen', ...steps]) {
  const [name, argument] = step.split(':')
  await acts[name](argument)
}
process.exit(0)
