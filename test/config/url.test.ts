import { expect, it } from 'vitest'
import { isThisDevice } from '../../src/config/url.js'

it.each([
  ['localhost', true],
  ['LocalHost', true],
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['::1', true],
  ['[::1]', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.127', false],
  ['127.0.0.1.example.org', false],
  ['localhost.example.org', false],
  ['::ffff:192.168.1.1', false]
])('an address at %s is for programs of this device alone: %s', (host, expected) => {
  expect(isThisDevice(host)).toBe(expected)
})
