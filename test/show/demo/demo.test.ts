import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { connect } from 'mqtt'
import { describe, expect, it, onTestFinished } from 'vitest'
import { holdToContract, kindOf } from '../../support/contract.js'
import { descendants, isRunning, startPainlensProcess } from '../../support/daemon.js'
import { freePort } from '../../support/mosquitto.js'
import { Deadline, patience, until } from '../../support/slowness.js'

/** All of the demo's processes; they are in process groups of their own, but still its descendants. */
const family = (pid: number): number[] => [pid, ...descendants(pid)]

/** The topics of all that the demo's daemon publishes; each message is held to the contract. */
function hear(url: string): Set<string> {
  const client = connect(url, { reconnectPeriod: 100 })
  onTestFinished(() => client.endAsync(true))
  client.on('error', () => undefined)
  holdToContract(client)
  const topics = new Set<string>()
  client.on('message', (topic) => topics.add(topic))
  client.on('connect', () => client.subscribe('painlens/#', { qos: 1 }))
  return topics
}

describe('painlens demo', () => {
  it('painlens demo gives one explained alarm for the scripted pain and leaves no process or file', {
    timeout: patience(150_000)
  }, async () => {
    const port = await freePort()
    const demo = startPainlensProcess(['demo', '--seconds', '46', '--mqtt-port', String(port)])
    const topics = hear(`mqtt://127.0.0.1:${port}`)
    await until(() => demo.output().includes('is online and watches'), 'the daemon to be online', 60_000)
    const members = family(demo.child.pid!)
    expect(members.length).toBeGreaterThanOrEqual(4) // the demo, the camera and its ffmpeg, the daemon, perhaps its ffmpeg
    expect(await demo.ended, demo.output()).toBe(0)
    expect(members.filter(isRunning)).toEqual([])
    const told = ['status', 'health', 'cameraState', 'observation', 'alarm', 'explanation']
    expect([...topics].map(kindOf)).toEqual(expect.arrayContaining(told))
    const said = demo.output()
    expect(said.match(/ALARM: Pain suspected/g)).toHaveLength(1)
    expect(said).toMatch(/why +The model's impression of pain/)
    expect(said).toMatch(/warum +Der Eindruck von Schmerz/)
    expect(said).toMatch(/over after \d+ s/)
    expect(said).toContain('Each scripted pain gave exactly one explained alarm, and nothing else did.')
    const heatmaps = /heatmaps +(\S+)/.exec(said)![1]!
    expect(readdirSync(heatmaps).filter((name) => name.endsWith('heatmap.png')).length).toBeGreaterThan(0)
  })

  it('painlens demo and all its processes end within 3 s of a Ctrl-C', { timeout: patience(90_000) }, async () => {
    const demo = startPainlensProcess(['demo'])
    await until(() => demo.output().includes('camera bed-a: ok'), 'the camera to be watched', 60_000)
    const members = family(demo.child.pid!)
    const stopping = new Deadline(3000)
    demo.child.kill('SIGINT')
    expect(await demo.ended).toBe(0)
    expect(stopping.isOver(), `stopped after ${stopping}`).toBe(false)
    expect(members.filter(isRunning)).toEqual([])
  })

  it('painlens demo names a port that is taken', async () => {
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
