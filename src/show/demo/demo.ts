/** `painlens demo`: a simulated camera, an embedded broker, and the real daemon between them. */

import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import type { AlarmMessage, CameraStateMessage, ExplanationMessage, StatusMessage } from '../../contract/messages.js'
import { messageOf, ProgramError, UsageError } from '../../core/errors.js'
import { event } from '../../core/event.js'
import { toStderr, toStdout } from '../../core/terminal.js'
import { freePort, startBroker } from './broker.js'
import { besideChild, type Child, startPainlens } from './child.js'
import { type DemoPage, type DemoPlaces, placesIn, writeDemoConfig } from './config-file.js'
import { type JudgeInput, judgeDemo, type PlayedStretch } from './judge.js'
import { type NarratedStretch, Narrator } from './narrator.js'

export interface DemoOptions {
  seconds?: number
  mqttPort?: number
  rtspPort?: number
  pagePort?: number
}

interface Show {
  places: DemoPlaces
  narrator: Narrator
  stretches: PlayedStretch[]
  alarms: AlarmMessage[]
  explanations: ExplanationMessage[]
  /** Resolves when the daemon has said that it is online. */
  online: Promise<void>
  sayOnline: () => void
  /** Resolves when the resident's day has begun, which the daemon's camera begins as its first viewer. */
  begun: Promise<void>
  sayBegun: () => void
  onlineAt: number
}

/** What `painlens simulate --json` tells, a line each. */
type CameraEvent = { event: 'ready'; url: string } | ({ event: 'stretch' } & NarratedStretch)

interface Parts {
  broker: { url: string; stop(): Promise<void> }
  subscriber: { stop(): Promise<void> }
  camera: Child & { url: string }
  daemon: Child
}

/** The face eases in, smoothing lags, frames travel; the clear time and a margin come on top. */
const graceMs = { start: 3000, end: 9000 }
/** Long enough for the first scripted pain and its alarm's end. */
const leastSeconds = 46
const childGraceMs = 1800

/**
 * Runs until `signal` aborts, or until `seconds` have passed of the resident's day, which begins when the daemon looks.
 * @returns 0; with `seconds` 1 if a scripted pain did not give exactly one complete, explained alarm, or another did
 */
export async function demoCommand(options: DemoOptions, signal: AbortSignal): Promise<number> {
  if (options.seconds !== undefined && options.seconds < leastSeconds)
    throw new UsageError(
      'PL-OPTION-SECONDS',
      `${options.seconds} s are too short for a scripted pain and the end of its alarm`,
      '--seconds',
      { fix: `Give at least ${leastSeconds}.` }
    )
  const show = await newShow()
  const parts: Partial<Parts> = {}
  try {
    await raise(parts, show, options, signal)
    await Promise.race([Promise.all([show.online, show.begun]), untilAborted(signal), anEnd(parts, show)])
    if (!signal.aborted) show.narrator.note('Ctrl-C ends the demo.', Date.now())
    await Promise.race([untilAborted(signal), anEnd(parts, show), sleep(options.seconds, signal)])
  } finally {
    await lower(parts)
  }
  show.narrator.note(`heatmaps: ${show.places.heatmaps}`, Date.now())
  return options.seconds === undefined || signal.aborted ? 0 : verdict(show)
}

async function newShow(): Promise<Show> {
  const places = placesIn(await mkdtemp(join(tmpdir(), 'painlens-demo-')))
  const narrator = new Narrator(toStdout, Date.now())
  const [sayOnline, online] = event()
  const [sayBegun, begun] = event()
  return {
    places,
    narrator,
    stretches: [],
    alarms: [],
    explanations: [],
    ...{ online, sayOnline, begun, sayBegun },
    onlineAt: Number.POSITIVE_INFINITY
  }
}

/** Starts broker, subscriber, camera and daemon; each is in `parts` as soon as it has to be stopped. */
async function raise(parts: Partial<Parts>, show: Show, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const broker = await startBroker({ host: '127.0.0.1', port: options.mqttPort ?? 0 })
  parts.broker = broker
  parts.subscriber = await subscribe(broker.url, show)
  parts.camera = await startCamera(show, options.rtspPort ?? 0, signal)
  const page = { port: options.pagePort || (await freePort()), tokens: { ward: newToken(), technician: newToken() } }
  await writeDemoConfig(show.places, { camera: parts.camera.url, broker: broker.url }, page)
  introduce(show, parts.camera.url, broker.url, page)
  if (!signal.aborted) parts.daemon = startDaemonProcess(show)
}

/** The daemon is stopped first, so that its last messages still reach the broker. */
async function lower(parts: Partial<Parts>): Promise<void> {
  await Promise.all([parts.daemon?.stop(childGraceMs), parts.camera?.stop(childGraceMs)])
  await parts.subscriber?.stop()
  await parts.broker?.stop()
}

const newToken = (): string => randomBytes(8).toString('hex')

function introduce({ places }: Show, camera: string, broker: string, { port: pagePort, tokens }: DemoPage): void {
  const port = new URL(broker).port
  toStdout(
    [
      'painlens demo: a rendered resident, a real camera stream, a real broker, the real daemon.',
      'The demonstration model was trained on drawings only. It says nothing about people.',
      '',
      `  camera    ${camera}`,
      `  broker    ${broker}   (watch it: mosquitto_sub -p ${port} -t 'painlens/demo/#' -v)`,
      `  page      http://127.0.0.1:${pagePort}   (token of the ward ${tokens.ward}, of the technician ${tokens.technician})`,
      `  heatmaps  ${places.heatmaps}`,
      `  log       ${places.log}`,
      '',
      ''
    ].join('\n')
  )
}

/**
 * Shows the messages at the demo's broker. Any program of this machine may publish there, so a message that is not in the
 * contract is reported and dropped.
 */
export async function subscribe(
  url: string,
  show: Pick<Show, 'narrator' | 'alarms' | 'explanations' | 'sayOnline' | 'onlineAt'>
): Promise<{ stop(): Promise<void> }> {
  const client = await connectAsync(url, { protocolVersion: 4, clean: true, reconnectPeriod: 0 })
  const base = 'painlens/demo'
  const handlers: Record<string, (payload: never) => void> = {
    [`${base}/status`]: (status: StatusMessage) => {
      show.narrator.status(status)
      if (status.state !== 'online') return
      show.onlineAt = Math.min(show.onlineAt, Date.now())
      show.sayOnline()
    },
    [`${base}/camera/bed-a/state`]: (state: CameraStateMessage) => show.narrator.camera('bed-a', state),
    [`${base}/alarm`]: (alarm: AlarmMessage) => {
      show.narrator.alarm(alarm)
      show.alarms.push(alarm)
    },
    [`${base}/explanation`]: (explanation: ExplanationMessage) => {
      show.narrator.explanation(explanation, Date.now())
      show.explanations.push(explanation)
    }
  }
  // Each topic has its own message, as the contract says.
  client.on('message', (topic, payload) => {
    try {
      handlers[topic]?.(JSON.parse(payload.toString()) as never)
    } catch (error) {
      show.narrator.note(`what was published on ${topic} is not of painlens (${messageOf(error)})`, Date.now())
    }
  })
  // A broker that ends sends no more messages, either.
  client.on('error', (error) => show.narrator.note(`the broker's messages end (${messageOf(error)})`, Date.now()))
  await client.subscribeAsync(Object.keys(handlers), { qos: 1 })
  return { stop: () => client.endAsync(true) }
}

/** The camera is `painlens simulate` in a process of its own, so that drawing does not slow the daemon down. */
async function startCamera(show: Show, port: number, signal: AbortSignal): Promise<Child & { url: string }> {
  let ready: (url: string) => void
  const url = new Promise<string>((resolve) => {
    ready = resolve
  })
  const child = startPainlens({
    args: ['simulate', '--json', '--rtsp-port', String(port)],
    onLine: (line, stream) => {
      if (stream === 'stdout') onCameraEvent(JSON.parse(line) as CameraEvent, show, ready)
    }
  })
  try {
    const found = await besideChild(child, 'painlens simulate', Promise.race([url, untilAborted(signal)]))
    return { ...child, url: found ?? '' }
  } catch (error) {
    await child.stop(childGraceMs)
    throw error
  }
}

function onCameraEvent(event: CameraEvent, show: Show, ready: (url: string) => void): void {
  if (event.event === 'ready') {
    ready(event.url)
    return
  }
  const last = show.stretches.at(-1)
  if (last) last.until = event.at
  show.stretches.push({ expression: event.expression, from: event.at, until: null })
  show.narrator.stretch(event)
  show.sayBegun()
}

function startDaemonProcess({ places }: Show): Child {
  const log = createWriteStream(places.log)
  log.on('error', (error) => toStderr(`the daemon's log is not kept: ${messageOf(error)}\n`))
  const child = startPainlens({
    args: ['run', '--config', places.config],
    onLine: (line) => {
      log.write(`${line}\n`)
      // The log is JSON; any other line is the message of a failed start.
      if (!line.startsWith('{')) toStderr(`${line}\n`)
    }
  })
  void child.ended.then(() => log.end())
  return child
}

/** Rejects when the camera or the daemon ends by itself. */
function anEnd({ camera, daemon }: Partial<Parts>, { places }: Show): Promise<never> {
  const fail = (what: string) => (code: number | string) => {
    throw new ProgramError('PL-DEMO-PART-ENDED', `ended by itself (${code})`, what, {
      fix: `Its log is ${places.log}.`
    })
  }
  const never = new Promise<never>(() => undefined)
  return Promise.race([
    camera?.ended.then(fail('the simulated camera')) ?? never,
    daemon?.ended.then(fail('the daemon')) ?? never
  ])
}

function verdict({ stretches, alarms, explanations, onlineAt }: Show): number {
  const input: JudgeInput = { stretches, alarms, explanations, watchedFrom: onlineAt, endedAt: Date.now(), graceMs }
  const { judged, faults } = judgeDemo(input)
  const pain = alarms.filter((alarm) => alarm.phase === 'start' && alarm.condition === 'pain').length
  toStdout(`\nScripted pain stretches judged: ${judged}, pain alarms: ${pain}, explanations: ${explanations.length}.\n`)
  if (judged === 0) faults.push('no scripted pain was over before the end; give more seconds')
  for (const fault of faults) toStdout(`fault: ${fault}\n`)
  if (faults.length === 0) toStdout('Each scripted pain gave exactly one explained alarm, and nothing else did.\n')
  return faults.length === 0 ? 0 : 1
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
}

/** Never resolves without `seconds`. */
function sleep(seconds: number | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (seconds === undefined) return
    const timer = setTimeout(resolve, seconds * 1000)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}
