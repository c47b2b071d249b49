import { describe, expect, it } from 'vitest'
import type { ResponseMessage } from '../../src/contract/messages.js'
import { createLog } from '../../src/core/log.js'
import { Secrets } from '../../src/core/secrets.js'
import { registerSecrets } from '../../src/stages/camera/url.js'
import { CommandQueue } from '../../src/stages/mqtt/commands.js'
import { encode } from '../../src/stages/mqtt/delivery.js'
import { noCommands } from '../stages/mqtt/rig.js'
import { expectLinear, repeated } from '../support/growth.js'
import { countProcessorMs } from '../support/processor-time.js'
import { patience } from '../support/slowness.js'

const passwords = ['Kamera-312!x', 'p@ss:w/rd?#', 'größer 12', 'a"b\\\\c-9', "it's/4711", 'aaaaaaaaaaaaaaab', '12']
const secrets = new Secrets()
for (const password of passwords) registerSecrets(`rtsp://nurse:${password}@10.0.0.7/s`, secrets)

const base64 = Buffer.from('x:Kamera-312!').toString('base64')
const kinds: readonly (readonly [string, (length: number) => string])[] = [
  ['backslashes', repeated('\\')],
  ['backslashes and quotes', repeated('\\', '\\', '"')],
  ['backslashes before u', repeated('\\'.repeat(50), 'u00')],
  ['percent signs', repeated('%')],
  ['percent signs encoded again and again', (length) => `%${repeated('25')(length)}`],
  ['percent-encoded backslashes', repeated('%5C')],
  ['quotes of every kind', repeated('"', "'", '`')],
  ['ampersands', repeated('&amp;')],
  ['one ampersand escaped again and again', (length) => `&${repeated('amp;')(length)}`],
  ['numeric entities full of zeros', (length) => `&#${repeated('0')(length)}`],
  ['one password over and over', repeated('Kamera-312!x')],
  ['a password but for its end', repeated('Kamera-312!')],
  ['the repeated beginning of a password', repeated('a')],
  ['beginnings of all passwords', repeated(...passwords.map((password) => password.slice(0, -1)))],
  ['passwords that overlap', repeated('aaaaaaaaaaaaaaab', 'aaaa')],
  ['short passwords without their end', repeated(':12', ':1')],
  ['a piece of base64', repeated(base64)],
  ['a password in hexadecimal, but for its end', repeated(Buffer.from('Kamera-312!').toString('hex'))],
  ['umlauts and emoji', repeated('größer 1', '🔑', 'é\u0301')],
  ['halves of surrogate pairs', repeated('\ud83d', '\ud83d', '\udd11', '\udd11')],
  ['deep JSON', repeated('{"a":[')],
  ['JSON escaped many times', (length) => repeated(JSON.stringify(JSON.stringify(JSON.stringify('"\\'))))(length)],
  ['a Digest answer that never comes', repeated('response', ' ')],
  ['Digest answers with backslashes', repeated('response=', '\\'.repeat(1000))],
  ['a Digest answer and blanks', (length) => `response=${repeated(' ')(length)}`],
  ['blanks', repeated(' ', '\t', '\n')]
]

/** Log and messages redact a text and cut it; that the redaction itself is linear beyond this length is tested alone. */
const cutFrom = 1 << 16

it('the test of linear time fails for a quadratic search', () => {
  // Of half the text: a second is enough.
  const search = (text: string): boolean => /\s+$/.test(`${text.slice(text.length / 2)}x`)
  expect(() => expectLinear(search, repeated(' '))).toThrow(/ms for \d+ characters/)
})

describe('text made by an attacker takes time that grows as the text does', { timeout: patience(120_000) }, () => {
  it.each(kinds)('redaction takes linear time for %s', (_, hostile) => {
    expectLinear((text) => secrets.redact(text), hostile)
  })

  it.each(kinds)('a log line takes linear time and has bounded length for %s', (_, hostile) => {
    let longest = 0
    const log = createLog('info', secrets, (line) => {
      longest = Math.max(longest, line.length)
    })
    expectLinear((text) => log.info({ error: text, more: [text] }, text), hostile, cutFrom)
    expect(longest).toBeLessThan(3 * 6 * 4100)
  })

  it.each(kinds)('an MQTT message takes linear time and has bounded length for %s', (_, hostile) => {
    let longest = 0
    const run = (text: string): void => {
      longest = Math.max(longest, encode({ status: 'error', error: text }, secrets).length)
    }
    expectLinear(run, hostile, cutFrom)
    expect(longest).toBeLessThan(6 * 4100)
  })
})

const packet = { cmd: 'publish', topic: '', payload: '', qos: 1, dup: false, retain: false } as const

async function answerTo(
  name: string,
  payload: string | Buffer,
  write: (line: string) => void = () => {}
): Promise<ResponseMessage> {
  const given: ResponseMessage[] = []
  const answer = async (_topic: string, message: ResponseMessage) => void given.push(message)
  const desk = new CommandQueue({
    base: 'b',
    handlers: noCommands,
    answer,
    secrets,
    log: createLog('debug', secrets, write)
  })
  desk.take(`b/command/${name}`, Buffer.from(payload), packet)
  await desk.idle()
  return JSON.parse(encode(given[0]!, secrets)) as ResponseMessage
}

async function logOf(name: string, payload: string): Promise<string> {
  const lines: string[] = []
  await answerTo(name, payload, (line) => void lines.push(line))
  expect(lines.length).toBeGreaterThan(0)
  return lines.join('')
}

describe('a command made by an attacker', { timeout: patience(120_000) }, () => {
  const largest = 16_384

  it.each(kinds)('a hostile command with a key of %s gets a short answer in normal time', async (_, hostile) => {
    const key = hostile(5000)
    const payload = JSON.stringify({ [key]: 1 }).length <= largest ? JSON.stringify({ [key]: 1 }) : `{"${key}":1}`
    const ordinary = await timed(() => answerTo('refresh', `{"${'x'.repeat(10_000)}":1}`))
    const attacked = await timed(() => answerTo('refresh', payload))
    expect(attacked.ms).toBeLessThan(50 * Math.max(ordinary.ms, 10))
    expect(attacked.value.status).toBe('error')
    expect(attacked.value.error!.length).toBeLessThan(300)
  })

  it('a command of 16 KB of backslashes does not block a daemon with six camera passwords', async () => {
    const payload = (length: number): string => `{"${'\\'.repeat(2 * Math.floor((length - 6) / 2))}":1}`
    const short = await timed(() => answerTo('refresh', payload(1000)))
    const long = await timed(() => answerTo('refresh', payload(largest)))
    expect(long.value.error).toMatch(/^has a key that refresh does not take/)
    // The quadratic redaction took 250 times as long.
    expect(long.ms).toBeLessThan(20 * Math.max(short.ms, 10))
  })

  it('a command that is too large is not parsed, and its answer states the limit', async () => {
    const deep = '['.repeat(1 << 20)
    const { error } = await answerTo('refresh', deep)
    expect(error).toBe(`too many bytes; a command may have ${largest}`)
  })

  it('a command nested as deeply as its length allows is answered', async () => {
    const open = '{"a":'.repeat(2700)
    const unknown = 'has a key that refresh does not take; known are transaction'
    expect((await answerTo('refresh', `${open}1${'}'.repeat(2700)}`)).error).toBe(unknown)
    expect((await answerTo('refresh', '['.repeat(largest))).error).toMatch(
      /^the payload is no JSON\. Send a JSON object/
    )
  })

  it('no part of a password is in the log of refused commands, wherever the quotation is cut', async () => {
    for (let before = 0; before < 210; before += 3) {
      const text = `${'.'.repeat(before)}Kamera-312!x`
      // Without its times, which may have the same digits.
      for (const [name, payload] of [
        ['refresh', JSON.stringify({ [text]: 1 })],
        [text, '{}'],
        ['refresh', `{"a": ${text}`]
      ] as const)
        expect((await logOf(name, payload)).replace(/"time":"[^"]*"/g, '')).not.toMatch(/Kam|312/)
    }
  })
})

async function timed<T>(run: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const spent = countProcessorMs()
  const value = await run()
  return { ms: spent(), value }
}
