import { ReasonCodes } from 'mqtt'
import { describe, expect, test } from 'vitest'
import { explainConnectError, explainEnd } from '../../../src/stages/mqtt/connect.js'
import { codeInWords, reasonCodes } from '../../../src/stages/mqtt/reason-codes.js'

describe('the reason codes of MQTT 5', () => {
  test('are the ones that mqtt.js knows, by the same names', () => {
    const theirs = Object.entries(ReasonCodes as Record<string, string>).filter(([code]) => Number(code) >= 128)
    const plain = (name: string) => name.toLowerCase()
    expect(Object.entries(reasonCodes).map(([code, { name }]) => [code, plain(name)])).toEqual(
      theirs.map(([code, name]) => [code, plain(name)])
    )
  })

  test.each([
    [0x97, '0x97 Quota exceeded'],
    [5, 'return code 5, not authorized'],
    [0xf0, '0xF0 (a code that MQTT 5 does not know)'],
    ['ECONNRESET', null],
    [0, null]
  ])('%s reads as %s', (code, words) => {
    expect(codeInWords(code)).toBe(words)
  })

  test('stand beside the explanation of a connection that the broker refuses or ends', () => {
    expect(explainConnectError({ code: 4 })).toMatchObject({
      code: 'PL-BROKER-LOGIN',
      answer: 'return code 4, bad user name or password'
    })
    expect(explainEnd({ code: 0x98 }, false)).toMatchObject({
      code: 'PL-BROKER-OTHER',
      what: 'the broker answers 0x98 Administrative action'
    })
  })
})

describe('a connection that had worked and that the broker closes', () => {
  test.each([
    ['without a reason', null, false, 'PL-BROKER-DROPPED'],
    ['by a reset', { code: 'ECONNRESET' }, false, 'PL-BROKER-DROPPED'],
    ['right after a large packet', null, true, 'PL-BROKER-TOO-LARGE'],
    ['for want of pings', new Error('Keepalive timeout'), false, 'PL-BROKER-KEEPALIVE']
  ])('%s is explained without a hint at port or scheme', (_, cause, blamesSize, code) => {
    const found = explainEnd(cause, blamesSize)
    expect(found.code).toBe(code)
    expect(found.fix).not.toContain('mqtts://')
  })
})
