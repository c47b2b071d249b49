import type { IPublishPacket } from 'mqtt'
import { expect, it } from 'vitest'
import { silentLog } from '../../../src/core/log.js'
import { Secrets } from '../../../src/core/secrets.js'
import { CommandQueue } from '../../../src/stages/mqtt/commands.js'

it('an answer goes to the usual topic where a broker may end the connection because of the response topic', async () => {
  const answered: string[] = []
  const commands = new CommandQueue({
    base: 'painlens/box',
    handlers: {} as never,
    secrets: new Secrets(),
    answer: async (topic) => void answered.push(topic),
    log: silentLog
  })
  for (const responseTopic of [
    'ward/\u0001',
    'ward/\u009b',
    'ward/\ufdd0',
    'ward/\ud800',
    '\ufffd'.repeat(22_000),
    'ward/ü'
  ])
    commands.take('painlens/box/command/x', Buffer.from('{}'), { properties: { responseTopic } } as IPublishPacket)
  await commands.idle()
  expect(answered).toEqual([...Array(5).fill('painlens/box/response/x'), 'ward/ü'])
})
