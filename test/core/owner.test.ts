import { describe, expect, it } from 'vitest'
import { type Log, silentLog } from '../../src/core/log.js'
import { Owner } from '../../src/core/owner.js'

/** An owner, and what its parts do, in order. A part takes a turn of the event loop to close. */
function setUp() {
  const events: string[] = []
  const errors: object[] = []
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) }
  const close = async (name: string): Promise<void> => {
    events.push(`${name} closes`)
    await new Promise((resolve) => setImmediate(resolve))
    events.push(`${name} closed`)
  }
  return { owner: new Owner(log), events, errors, close }
}

describe('an owner', () => {
  it('closes its parts in reverse, one after the other', async () => {
    const { owner, events, close } = setUp()
    expect(owner.add('a', close)).toBe('a')
    expect(await owner.open(Promise.resolve('b'), close)).toBe('b')
    await owner.close()
    expect(events).toEqual(['b closes', 'b closed', 'a closes', 'a closed'])
  })

  it('closes the parts of a group at the same time, at the place of the group', async () => {
    const { owner, events, close } = setUp()
    owner.add('a', close)
    const group = owner.group()
    group.add('b', close)
    group.add('c', close)
    owner.add('d', close)
    await owner.close()
    expect(events.filter((event) => event.endsWith('closes'))).toEqual(['d closes', 'c closes', 'b closes', 'a closes'])
    expect(events.indexOf('b closes')).toBeLessThan(events.indexOf('c closed'))
    expect(events.indexOf('b closed')).toBeLessThan(events.indexOf('a closes'))
  })

  it('closes its parts once, and lets each caller wait for the end', async () => {
    const { owner, events, close } = setUp()
    owner.add('a', close)
    await Promise.all([owner.close(), owner.close()])
    await owner.close()
    expect(events).toEqual(['a closes', 'a closed'])
  })

  it('goes on to close the other parts when one fails, and logs the failure', async () => {
    const { owner, events, errors, close } = setUp()
    owner.add('a', close)
    owner.add('b', () => Promise.reject(new Error('is busy')))
    owner.add('c', () => {
      throw new Error('is gone')
    })
    await owner.close()
    expect(events).toEqual(['a closes', 'a closed'])
    expect(errors).toMatchObject([{ error: 'is gone' }, { error: 'is busy' }])
  })

  it('closes at once a part that is added after closing has begun, and waits for it', async () => {
    const { owner, events, close } = setUp()
    owner.add('a', close)
    const closing = owner.close()
    owner.add('late', close)
    expect(owner.closed).toBe(true)
    await closing
    await owner.close()
    expect(events).toContain('late closed')
  })

  it('has nothing to close of a part that could not be opened', async () => {
    const { owner, events, close } = setUp()
    await expect(owner.open(Promise.reject(new Error('no model')), close)).rejects.toThrow('no model')
    await owner.close()
    expect(events).toEqual([])
  })
})
