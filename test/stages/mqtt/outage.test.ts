import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clockOf } from '../../support/moments.js'
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.js'
import { patience, until } from '../../support/slowness.js'
import { alarm, type Heard, type Listener, listen, startRig } from './rig.js'

const hourMs = 3_600_000
const script = fileURLToPath(new URL('./deliver-forever.mjs', import.meta.url))

let broker: Mosquitto
let ear: Listener
let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-outage-'))
  // The broker keeps what it has confirmed until the listener, who is thrown out with it, is back.
  broker = await startMosquitto({ config: ['max_queued_messages 0'] })
  ear = await listen(broker.url)
})
afterEach(async () => {
  await ear.stop()
  await broker.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** The seqs of each alarm in the order they came, repetitions left out as the contract tells subscribers to do. */
function withoutRepetitions(heard: Heard[]): Map<string, number[]> {
  const alarms = new Map<string, number[]>()
  for (const { json } of heard) {
    const seqs = alarms.get(json.alarm_id) ?? []
    if (!seqs.includes(json.seq)) seqs.push(json.seq)
    alarms.set(json.alarm_id, seqs)
  }
  return alarms
}

test(
  'a broker that is away for a day and two hours, and 10,000 alarms: what is not too old comes, late and in order',
  async () => {
    let now = Date.UTC(2026, 0, 1)
    const start = now
    const count = 10_000
    const rig = await startRig(broker.url, { clock: clockOf(() => now) }, 24 * hourMs)
    await until(() => rig.mqtt.connected(), 'connected')
    await broker.stop()
    await until(() => !rig.mqtt.connected(), 'noticed')
    for (let number = 0; number < count; number += 100) {
      now = start + (number / count) * 26 * hourMs
      const ids = Array.from({ length: 100 }, (_, i) => `a${number + i}`)
      await Promise.all(
        ids.flatMap((id) => [rig.mqtt.putAlarmInOutbox(alarm(id, 0)), rig.mqtt.putAlarmInOutbox(alarm(id, 1, 'end'))])
      )
    }
    expect(rig.outbox.stats()).toMatchObject({ depth: 2 * count, evicted: 0, inMemory: 0 })
    now = start + 26 * hourMs
    // Put in the first two hours and more than 24 hours old by now.
    const expired = Array.from({ length: count }, (_, i) => i).filter((i) => {
      const putAt = start + ((i - (i % 100)) / count) * 26 * hourMs
      return now - putAt >= 24 * hourMs
    })
    await broker.start()
    await until(() => rig.outbox.depth() === 0, 'an empty outbox', 60_000)
    const expected = count - expired.length
    await until(() => withoutRepetitions(ear.on('alarm')).size >= expected, 'all of them', 60_000)
    await until(
      () => ear.on('alarm').some(({ json }) => json.alarm_id === `a${count - 1}` && json.seq === 1),
      'the last end'
    )
    await rig.stop()

    const alarms = withoutRepetitions(ear.on('alarm'))
    expect(expired.length).toBeGreaterThan(700)
    expect(expired.filter((i) => alarms.has(`a${i}`))).toEqual([])
    expect(alarms.size).toBe(expected)
    for (const [id, seqs] of alarms) expect([id, ...seqs]).toEqual([id, 0, 1])
    expect(ear.on('alarm').filter(({ json }) => json.late !== true)).toEqual([])
    // None outlives its 24 hours at the broker either.
    for (const { packet } of ear.on('alarm'))
      expect(packet.properties?.messageExpiryInterval).toBeLessThanOrEqual(24 * 3600)
    const oldest = ear.on('alarm')[0]?.packet.properties?.messageExpiryInterval
    expect(oldest).toBeLessThan(1800)
  },
  patience(120_000)
)

interface Life {
  /** When the process was there. */
  startedAt: number
  /** `alarm_id seq` of what is said to be safe. */
  safe: string[]
}

/** The process of a life, its modules being loaded; it begins with a line on its standard input. */
function load(life: number | 'last', ...more: string[]) {
  return spawn(process.execPath, [script, join(folder, 'outbox'), broker.url, String(life), ...more], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
}

/** Puts and delivers until it is killed -9, at a random moment after its first alarm. */
async function live(child: ReturnType<typeof load>): Promise<Life> {
  const startedAt = Date.now()
  const gone = new Promise((resolve) => child.once('close', resolve))
  const safe: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (safe.push(line) === 1) setTimeout(() => child.kill('SIGKILL'), Math.random() * 200)
  })
  child.stdin.write('go\n')
  await gone
  return { startedAt, safe }
}

async function deliverTheRest(): Promise<void> {
  const child = load('last', 'only deliver')
  child.stdin.write('go\n')
  let said = ''
  child.stdout.on('data', (data) => (said += String(data)))
  const killer = setTimeout(() => child.kill('SIGKILL'), patience(30_000))
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(killer)
  expect(said).toBe('empty\n')
}

test(
  'killed -9 thirty times while the broker comes and goes: no alarm is lost, the order is kept, what waited says so',
  async () => {
    const lives: Life[] = []
    let over = false
    const comingAndGoing = (async () => {
      while (!over) {
        await sleep(300 + Math.random() * 900)
        await broker.stop()
        await sleep(Math.random() * 500)
        await broker.start()
      }
    })()
    let next = load(0)
    for (let life = 0; life < 30; life++) {
      const child = next
      next = load(life + 1)
      lives.push(await live(child))
    }
    next.kill('SIGKILL')
    over = true
    await comingAndGoing
    await deliverTheRest()

    const safe = lives.flatMap((life) => life.safe)
    const came = () => new Set(ear.on('alarm').map(({ json }) => `${json.alarm_id} ${json.seq}`))
    await until(
      () => {
        const now = came()
        return safe.every((name) => now.has(name))
      },
      'every alarm that was safe',
      20_000
    )
    // Two for each life: how many more there are is a matter of how much time the machine has.
    expect(safe.length).toBeGreaterThan(60)
    for (const [id, seqs] of withoutRepetitions(ear.on('alarm'))) {
      // From the start on, without a gap.
      expect([id, ...seqs]).toEqual([id, ...seqs.keys()])
    }
    for (const { json } of ear.on('alarm')) {
      const next = lives[Number(String(json.alarm_id).split('-')[0]) + 1]
      if (next && Date.parse(json.published) > next.startedAt) expect(json.late).toBe(true)
    }
    const first = new Map<string, string>()
    for (const { json } of ear.on('alarm')) {
      const { published: _, late: __, ...told } = json
      const name = `${json.alarm_id} ${json.seq}`
      expect(JSON.stringify(told)).toBe(first.get(name) ?? JSON.stringify(told))
      first.set(name, JSON.stringify(told))
    }
  },
  patience(180_000)
)
