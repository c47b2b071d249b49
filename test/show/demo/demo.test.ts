import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { descendants, isRunning, startPainlensProcess } from '../../support/daemon.js'
import { Deadline, patience, until } from '../../support/slowness.js'

/** All of the demo's processes; they are in process groups of their own, but still its descendants. */
const family = (pid: number): number[] => [pid, ...descendants(pid)]

/** A whole demo, with its alarm and explanation, is run from the packed tree: test/deploy/ships.test.ts. */
describe('painlens demo', () => {
  it('ends within 3 s of a Ctrl-C, with all its processes', { timeout: patience(90_000) }, async () => {
    const demo = startPainlensProcess(['demo'])
    await until(() => demo.output().includes('camera bed-a: ok'), 'the camera to be watched', 60_000)
    const members = family(demo.child.pid!)
    const stopping = new Deadline(3000)
    demo.child.kill('SIGINT')
    expect(await demo.ended).toBe(0)
    expect(stopping.isOver(), `stopped after ${stopping}`).toBe(false)
    // Children of its children are ended by their own parents, a moment later on a busy machine.
    await until(() => !members.some(isRunning), 'its processes to end', 3000)
  })

  it('names a port that is in use, and exits with 1', async () => {
    const other = createServer()
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
    })
    for (const flag of ['--mqtt-port', '--rtsp-port']) {
      const demo = startPainlensProcess(['demo', flag, String(port)])
      expect(await demo.ended).toBe(1)
      expect(demo.output()).toMatch(new RegExp(`${port}.*in use`))
    }
    other.close()
  })
})
