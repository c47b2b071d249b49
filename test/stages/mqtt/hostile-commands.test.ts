import { describe, expect, it } from 'vitest'
import { commandNames, type ResponseMessage } from '../../../src/contract/messages.js'
import { silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import { type CommandHandlers, CommandQueue } from '../../../src/stages/mqtt/commands.js'
import { encode } from '../../../src/stages/mqtt/delivery.js'
import { noCommands } from './rig.js'

/** What a queue answers to a payload, and the arguments that its handlers got. */
async function answerTo(name: string, payload: string | Buffer) {
  const given: unknown[] = []
  const take = async (args: unknown): Promise<undefined> => void given.push(args)
  const handlers = Object.fromEntries(Object.keys(noCommands).map((key) => [key, take])) as unknown as CommandHandlers
  const answers: ResponseMessage[] = []
  const answer = async (_: string, message: ResponseMessage): Promise<void> => void answers.push(message)
  const queue = new CommandQueue({ base: 'b', handlers, secrets: new Secrets(), answer, log: silentLog })
  const packet = { cmd: 'publish', topic: '', payload: '', qos: 1, dup: false, retain: false } as const
  queue.take(`b/command/${name}`, Buffer.from(payload), packet)
  await queue.idle()
  expect(answers).toHaveLength(1)
  return { answer: answers[0]!, given }
}

describe('a command from a hostile client', () => {
  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length'])(
    'a command with the key %s is refused, and changes no prototype',
    async (key) => {
      for (const name of commandNames)
        for (const value of ['{"polluted":true}', 'null', '1']) {
          const { answer, given } = await answerTo(name, `{"${key}":${value}}`)
          // JSON.parse makes __proto__ a key like others; what a handler gets has no more than its arguments.
          expect(answer.status === 'error' || given.every((args) => !Object.hasOwn(args as object, key))).toBe(true)
          expect(Object.getPrototypeOf(given[0] ?? {})).toBe(Object.prototype)
        }
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    }
  )

  it('a transaction that would steer a terminal comes back with the same value, in bytes that a terminal shows', async () => {
    const transaction = '\u001b[31m\u009b2J\u202e\u007f'
    const { answer } = await answerTo('refresh', JSON.stringify({ transaction }))
    const bytes = encode(answer, new Secrets())
    expect(bytes).toContain('"\\u001b[31m\\u009b2J\\u202e\\u007f"')
    expect(JSON.parse(bytes)).toMatchObject({ transaction, status: 'ok' })
  })

  it.each([
    ['1e999', 'a number beyond a double'],
    ['-1e999', 'its negative'],
    ['9'.repeat(400), 'a number of 400 digits'],
    ['1e-999', 'a number too small for a double'],
    ['9007199254740993', 'an integer that a double does not hold'],
    ['-0', 'minus zero'],
    ['"1"', 'a number as text'],
    ['[1]', 'a list'],
    ['true', 'a truth value']
  ])('%s as the duration of a pause or a test alarm is refused, or is a number within its bounds', async (value) => {
    for (const [name, key] of [
      ['pause', 'duration_s'],
      ['test_alarm', 'seconds']
    ] as const) {
      const { given } = await answerTo(name, `{"camera":"a","${key}":${value}}`)
      for (const args of given as Record<string, unknown>[])
        expect(args[key] === undefined || (args[key] as number) > 0).toBe(true)
    }
  })

  it.each([
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['half a surrogate pair in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['an overlong NUL', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
    ['a byte order mark', Buffer.from('\ufeff{}')],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['two documents', '{}{}'],
    ['a list of nulls', `[${'null,'.repeat(3000)}null]`],
    ['16 KB of opening brackets', '['.repeat(16_000)],
    ['text', '"pause"'],
    ['null', 'null']
  ])('%s in the place of arguments is answered with an error', async (_, payload) => {
    for (const name of commandNames) {
      const { answer, given } = await answerTo(name, payload)
      expect([name, answer.status, given]).toEqual([name, 'error', []])
      expect(answer.error!.length).toBeLessThan(1500)
    }
  })
})

describe('a command with a value that is not allowed', () => {
  const text = 'text of 1 to 100 characters'
  const who = `${text}, not only spaces`
  it.each([
    ['ack', '{"alarm_id":"a"}', `by: missing, allowed is ${who}`],
    ['ack', '{"alarm_id":7,"by":"n"}', `alarm_id: found a number, allowed is ${text}`],
    ['ack', '{"alarm_id":"a","by":"n","kind":"read"}', 'kind: found text, allowed is seen, coming or false_alarm'],
    ['pause', '{"camera":"a","duration_s":"900"}', 'duration_s: found text, allowed is a whole number from 1 to 86400'],
    [
      'pause',
      '{"camera":"a","duration_s":0.5}',
      'duration_s: found a number, allowed is a whole number from 1 to 86400'
    ],
    ['pause', '{"camera":null}', `camera: found nothing, allowed is ${text}`],
    ['reference', '{"camera":"a","by":"n","remove":"yes"}', 'remove: found text, allowed is true or false'],
    [
      'reference',
      '{"camera":"a","by":"n","not_after":"soon"}',
      'not_after: found text, allowed is a time in UTC, written YYYY-MM-DDThh:mm:ssZ'
    ],
    [
      'refresh',
      '{"transaction":[]}',
      'transaction: found an empty list, allowed is text of 0 to 200 characters or a number'
    ],
    [
      'resume',
      '{"camera":"","by":{}}',
      `camera: found empty text, allowed is ${text}; by: found a section, allowed is ${who}`
    ]
  ])('%s %s is answered with what is allowed, in the words of the config', async (name, payload, error) => {
    const { answer, given } = await answerTo(name, payload)
    expect([answer, given]).toEqual([{ status: 'error', code: 'PL-COMMAND-INVALID', error }, []])
  })
  it.each(['', ' ', '   ', '\t\n', '\u00a0\u2003'])(
    'a name of who does it that is blank (%j) is refused by each command',
    async (by) => {
      const found = `by: found ${by === '' ? 'empty' : 'blank'} text, allowed is ${who}`
      for (const [name, args] of [
        ['ack', { alarm_id: 'a' }],
        ['pause', { camera: 'a' }],
        ['resume', { camera: 'a' }],
        ['reference', { camera: 'a' }]
      ] as const) {
        const { answer, given } = await answerTo(name, JSON.stringify({ ...args, by }))
        expect([answer.code, answer.error, given]).toEqual(['PL-COMMAND-INVALID', found, []])
      }
      const spaced = await answerTo('ack', JSON.stringify({ alarm_id: 'a', by: ' nurse 7' }))
      expect(spaced.given).toMatchObject([{ by: ' nurse 7' }])
    }
  )
})
