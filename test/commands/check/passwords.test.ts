import { expect, it } from 'vitest'
import { checkPasswords } from '../../../src/commands/check/machine.js'
import { parseConfig } from '../../../src/config/index.js'
import { Secrets } from '../../../src/core/secrets.js'

async function findingsFor(password: string): Promise<string[]> {
  const text = `device: d
facility: Haus am See
mqtt: { url: "mqtt://h", username: u, password: "${password}" }
cameras: [{ id: bed-12, url: "rtsp://h/", location: { room: "1234" } }]`
  const { config, secrets: found } = await parseConfig(text, '/etc/painlens.yaml')
  const secrets = new Secrets()
  for (const value of found) secrets.add(value)
  const running = { daemon: null, findings: [] }
  const findings = await checkPasswords({ config, secrets, running, signal: new AbortController().signal })
  return findings.map(({ state, found }) => `${state}: ${found}`)
}

it.each([
  ['correct horse', []],
  ['abc', [expect.stringContaining('warn: one has less than 4 characters')]],
  ['1234', [expect.stringContaining('warn: one is a part of a room')]],
  ['am See', [expect.stringContaining('warn: one is a part of a room')]]
])('a password %j', async (password, expected) => {
  expect(await findingsFor(password)).toEqual(expected)
})
