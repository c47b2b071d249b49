import { describe, expect, it, onTestFinished } from 'vitest'
import { PainlensError } from '../../src/core/errors.js'
import { PersistentListener } from '../../src/core/persistent-listener.js'
import { until } from '../support/slowness.js'

/** A listener whose tries fail with the given words, one after the other, and then succeed. */
function setUp(failures: string[]) {
  const events: string[] = []
  let servers = 0
  const listener = new PersistentListener({
    create: () => {
      const name = `server ${++servers}`
      return { close: async () => void events.push(`closed ${name}`) }
    },
    listen: async () => {
      const failure = failures.shift()
      if (failure !== undefined) throw new RangeError(failure)
      return 'the address'
    },
    explain: (error) => new PainlensError('PL-HTTP-LISTEN', (error as Error).message, 'test'),
    onListening: (address) => void events.push(`listens on ${address}`),
    onProblem: ({ what }) => void events.push(what),
    retryMs: 1
  })
  onTestFinished(() => listener.stop())
  return { listener, events }
}

describe('a persistent listener', () => {
  it('that can listen has its address, and closes other parts before its server when it stops', async () => {
    const { listener, events } = setUp([])
    await listener.start()
    expect(listener.stats()).toEqual({ address: 'the address', problem: null })
    await listener.stop(() => void events.push('closed the parts'))
    expect(events).toEqual(['listens on the address', 'closed the parts', 'closed server 1'])
    expect(listener.stats().address).toBeNull()
  })

  it('that cannot listen tries again with a new server, and reports each problem once', async () => {
    const { listener, events } = setUp(['taken', 'taken', 'forbidden', 'taken'])
    await listener.start()
    expect(listener.stats()).toMatchObject({ address: null, problem: { code: 'PL-HTTP-LISTEN' } })
    await until(() => listener.stats().address !== null, 'the address')
    expect(events.filter((event) => !event.startsWith('closed'))).toEqual([
      'taken',
      'forbidden',
      'taken',
      'listens on the address'
    ])
    expect(events.filter((event) => event.startsWith('closed'))).toEqual([1, 2, 3, 4].map((n) => `closed server ${n}`))
    expect(listener.stats().problem).toBeNull()
  })

  it('that is stopped while it cannot listen does not try again', async () => {
    const { listener, events } = setUp(Array.from({ length: 1000 }, (_, n) => `failure ${n}`))
    await listener.start()
    await listener.stop()
    const count = events.length
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(events).toHaveLength(count)
  })

  it('whose server cannot be created reports that, too', async () => {
    const listener = new PersistentListener<{ close(): Promise<void> }>({
      create: () => Promise.reject(new RangeError('no certificate')),
      listen: async () => 'nowhere',
      explain: (error) => new PainlensError('PL-PAGE-CERTIFICATE', (error as Error).message, 'test'),
      onListening: () => undefined,
      onProblem: () => undefined
    })
    await listener.start()
    await listener.stop()
    expect(listener.stats()).toMatchObject({ address: null, problem: { code: 'PL-PAGE-CERTIFICATE' } })
  })
})
