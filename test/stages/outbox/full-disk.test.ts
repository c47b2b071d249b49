import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { OutboxStats } from '../../../src/stages/outbox/index.js'

const script = fileURLToPath(new URL('./full-disk.mjs', import.meta.url))

/** Runs commands with a file system of 3 MB at /mnt, in their own mount namespace. */
const onSmallDisk = (command: string) =>
  spawnSync('unshare', ['-rm', 'sh', '-ec', `mount -t tmpfs -o size=3m tmpfs /mnt; ${command}`], { encoding: 'utf8' })

interface Outcome {
  /** How many were put. */
  count: number
  /** The messages that the broker received, in order. */
  sent: number[]
  lines: string[]
  stats: OutboxStats
}

/** Each argument is the life of one process; each process but the last may end by kill -9. */
function lives(...steps: string[]): Outcome {
  const run = (life: string) => `${process.execPath} ${script} /mnt ${life}`
  const ended = onSmallDisk(steps.map((life) => `${run(life)} || test $? = 137`).join('; '))
  if (ended.stdout === '') throw new Error(ended.stderr)
  return JSON.parse(ended.stdout) as Outcome
}

function expectAllInOrder(sent: number[], count: number): void {
  expect([...sent].sort((a, b) => a - b)).toEqual([...Array(count).keys()])
  for (let alarm = 0; alarm < 5; alarm++) {
    const ofOne = sent.filter((number) => number % 5 === alarm)
    expect(ofOne).toEqual([...ofOne].sort((a, b) => a - b))
  }
}

const canMount = onSmallDisk('true').status === 0
if (!canMount) process.stderr.write('a full disk is not tested: this user may not mount a file system (unshare -rm)\n')

describe.skipIf(!canMount)('an outbox on a full disk', () => {
  test('sends alarms from memory, in order, and logs the failure once', () => {
    const { count, sent, lines, stats } = lives('put:50 fill put:200 drain say')
    expectAllInOrder(sent, count)
    expect(stats.works).toBe(false)
    const errors = lines.filter((line) => line.startsWith('error'))
    expect(errors).toEqual([expect.stringMatching(/alarms wait in memory .*no space left for the outbox. Free some/)])
  })

  test('writes waiting and later alarms to disk once there is room, and they survive kill -9', () => {
    const { sent, lines } = lives('put:50 fill put:100 free wait put:100 kill', 'drain say')
    expectAllInOrder(sent, 250)
    expect(lines.join('\n')).toContain('earlier run')
  })

  test('loses no alarm if the disk fills up repeatedly', () => {
    const rounds = Array(5).fill('fill put:30 free wait put:20').join(' ')
    expectAllInOrder(lives(`put:10 ${rounds} kill`, 'drain say').sent, 260)
  })

  test('does not send alarms again that were delivered while writing failed', () => {
    const { sent } = lives('put:40 fill put:40 drain free put:1 wait kill', 'drain say')
    expect(sent).toEqual([80])
  })

  test('writes the alarms in memory when closed, if there is room by then', () => {
    expectAllInOrder(lives('put:10 fill put:100 free reopen drain say').sent, 110)
  })

  test('logs how many alarms are lost when closed without room', () => {
    const { lines } = lives('fill put:10 reopen say')
    expect(lines.join('\n')).toMatch(/these are lost {"lost":\d+}/)
  })

  test('opens, and sends the alarms of an earlier run once there is room', () => {
    const { sent, stats } = lives('put:20 fill kill', 'put:5 free wait drain say')
    expect(stats.works).toBe(true)
    // Both lives count from 0: twenty of the first, then five of the second.
    expect(sent.length).toBe(25)
  })
})
