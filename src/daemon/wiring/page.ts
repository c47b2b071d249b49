/** The page of this box, and how it hears what subscribers are told. */
import type { CommandArguments } from '../../contract/commands.js'
import type { AlarmMessage, HealthMessage } from '../../contract/messages.js'
import type { Payloads } from '../../contract/topics.js'
import { stamp, timeOfDay } from '../../core/clock.js'
import { InputError, TimeoutError } from '../../core/errors.js'
import type { ListenerStats } from '../../core/persistent-listener.js'
import { referenceSeconds } from '../../core/types.js'
import { version } from '../../core/version.js'
import type {
  CameraTile,
  CheckLamp,
  Heard,
  HeardKind,
  PageActions,
  PageOptions,
  PageStage,
  readHeard
} from '../../page/index.js'
import type { Alarms } from '../../stages/alarm/index.js'
import {
  addressOf,
  type CommandHandlers,
  encode,
  hearNeighbours,
  type Mqtt,
  type Neighbours
} from '../../stages/mqtt/index.js'
import type { Supervision } from '../health/supervision.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import { Finder } from './finder.js'
import { lampsOf, type Trouble } from './lamps.js'
import { mqttOptions, pageOptions } from './mapping.js'
import type { Surroundings } from './parts.js'
import { type WayListener, WayTest } from './way.js'

/** What stages tell subscribers through; the page hears it. */
export type Telling = Pick<
  Mqtt,
  | 'putAlarmInOutbox'
  | 'putAcknowledgementInOutbox'
  | 'putExplanationInOutbox'
  | 'cameraState'
  | 'cameraPain'
  | 'cameraReference'
  | 'observation'
  | 'refresh'
>

export interface PageParts {
  mqtt: Pick<Mqtt, 'connected'>
  supervision: Pick<Supervision, 'look'>
  commands: CommandHandlers
  cameras: ReadonlyMap<string, WatchedCamera>
}

/** The page hears how the box is each so many seconds. */
const lookEveryS = 2
/** Older alarms are history. */
const recalledMs = 24 * 3_600_000
/** For a connection that hears a test alarm. */
const listenMs = 8000

/** There from the start, so that it misses nothing that is told before the page is served; does nothing where that is off. */
export class DaemonPage {
  readonly #surroundings: Surroundings
  /** What was told before the page was there. */
  #early: Heard[] = []
  #parts: PageParts | null = null
  #page: PageStage | null = null
  #neighbours: Neighbours | null = null
  #way: WayTest | null = null
  #finder: Finder | null = null
  /** Active technical alarms, by id. */
  readonly #troubles = new Map<string, Trouble>()
  #hearsOthers = false
  /** Boxes of which the broker refuses a topic, on the present connection. */
  readonly #refused = new Set<string>()
  #seconds = 0

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  /** As the MQTT stage, which is told everything as before. */
  hearing(mqtt: Telling): Telling {
    const { config, clock } = this.#surroundings
    if (!config.page.enabled) return mqtt
    return {
      observation: (...told) => mqtt.observation(...told),
      refresh: () => mqtt.refresh(),
      cameraPain: (...told) => mqtt.cameraPain(...told),
      putAlarmInOutbox: (message) => {
        this.#hear('alarm', message)
        this.#note(message)
        return mqtt.putAlarmInOutbox(message)
      },
      putAcknowledgementInOutbox: (message) => {
        this.#hear('acknowledgement', message)
        return mqtt.putAcknowledgementInOutbox(message)
      },
      putExplanationInOutbox: (message) => {
        this.#hear('explanation', message)
        return mqtt.putExplanationInOutbox(message)
      },
      cameraReference: (camera, message) => {
        this.#hear('cameraReference', message, camera)
        mqtt.cameraReference(camera, message)
      },
      cameraState: (camera, state, since, until = null) => {
        const ends = until === null ? {} : { until: stamp(clock, until) }
        this.#hear('cameraState', { state, since: stamp(clock, since), ...ends }, camera)
        mqtt.cameraState(camera, state, since, until)
      }
    }
  }

  /** As the alarm stage that recalls alarms of earlier runs: those of the last day are shown until they are acknowledged. */
  recalling(alarms: Pick<Alarms, 'recall'>): Pick<Alarms, 'recall'> {
    const { config, clock } = this.#surroundings
    if (!config.page.enabled) return alarms
    return {
      recall: (told) => {
        alarms.recall(told)
        const at = Date.parse('after_end' in told ? told.at : told.updated)
        if (timeOfDay(clock, clock.now()) - at > recalledMs) return
        if ('after_end' in told) this.#hear('acknowledgement', told)
        else this.#hear('alarm', told)
      }
    }
  }

  /** @throws DiskError, PainlensError as `startPage` does */
  async open(parts: PageParts): Promise<void> {
    const { config, log, clock } = this.#surroundings
    if (!config.page.enabled) return
    this.#parts = parts
    const about = pageOptions(config)
    const now = (): number => timeOfDay(clock, clock.now())
    const actions = actionsOf(config.device, { commands: parts.commands, neighbours: () => this.#neighbours, now })
    const pictures = config.privacy.show_pictures ? picturesOf(parts.cameras) : null
    const looking = { pictures, cameras: () => camerasOf(parts.supervision.look(), parts.cameras) }
    const way = new WayTest({
      listen: (onAlarm) => this.#listen(onAlarm),
      raise: async (camera, seconds) => {
        const raised = (await parts.commands.test_alarm({ camera, seconds })) as { alarm_id: string }
        return raised.alarm_id
      },
      now: () => stamp(clock, clock.now())
    })
    this.#way = way
    const finder = new Finder({ log: log.child({ stage: 'page' }) })
    this.#finder = finder
    const seen = { ...looking, lamps: () => this.#lamps(parts), way, finder }
    // Most boxes serve no page, and load none.
    const { startPage, readHeard } = await import('../../page/index.js')
    this.#page = await startPage({ ...about, ...seen, actions, log: log.child({ stage: 'page' }), clock })
    for (const heard of this.#early.splice(0)) this.#page.heard(heard)
    this.#hear('status', { state: 'online', session: '', version, at: stamp(clock, clock.now()) })
    this.#look()
    if (about.others.length > 0) this.#neighbours = this.#hearOthers(about.others, readHeard)
  }

  /** Null where the page is turned off, and until the first try to serve it. */
  stats(): ListenerStats | null {
    return this.#page?.stats() ?? null
  }

  /** To be called each second. */
  tick(): void {
    if (this.#page && ++this.#seconds % lookEveryS === 0) this.#look()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#neighbours?.stop(), this.#way?.stop(), this.#finder?.stop(), this.#page?.stop()])
  }

  /** The broker has confirmed an alarm. */
  delivered(alarm: AlarmMessage): void {
    this.#way?.delivered(alarm)
  }

  #note({ alarm_id, type, condition, phase, camera, text, code, ack, test }: AlarmMessage): void {
    this.#way?.alarm({ alarm_id, ack, phase })
    if (type !== 'technical' || test || phase === 'end') this.#troubles.delete(alarm_id)
    else this.#troubles.set(alarm_id, { condition, camera, text: text.en, code: code ?? null })
  }

  #lamps({ supervision }: PageParts): CheckLamp[] {
    const { config, secrets } = this.#surroundings
    const broker = addressOf(config.mqtt.url)
    const way = this.#way?.state() ?? null
    const seen = { health: supervision.look(), troubles: [...this.#troubles.values()], way }
    const lamps = lampsOf({ ...seen, broker, version })
    return JSON.parse(encode(lamps, secrets)) as CheckLamp[]
  }

  /** As any other listener at the broker would: with a connection of its own. */
  #listen(onAlarm: (id: string) => void): WayListener {
    const { config, log } = this.#surroundings
    const { broker, device, protocolVersion } = mqttOptions(config)
    let connected = (_: boolean): void => undefined
    let refused = (_: Error): void => undefined
    const ready = new Promise<void>((resolve, reject) => {
      const late = new TimeoutError('PL-BROKER-NOT-CONNECTED', 'a second connection is not taken', 'mqtt.url')
      const timer = setTimeout(() => reject(late), listenMs)
      connected = (isConnected) => {
        if (!isConnected) return
        clearTimeout(timer)
        resolve()
      }
      refused = reject
    })
    const listening = hearNeighbours({
      ...{ broker, device, protocolVersion, purpose: 'way', others: [device] },
      onMessage: (_, kind, __, message) => {
        const id = (message as { alarm_id?: unknown } | null)?.alarm_id
        if (kind === 'alarm' && typeof id === 'string') onAlarm(id)
      },
      onConnectionChange: (isConnected) => connected(isConnected),
      onRefused: () => refused(new InputError('PL-BROKER-NO-READ', 'the broker refuses it', `${device}/alarm`)),
      log: log.child({ stage: 'page' })
    })
    return { ready, stop: () => listening.stop() }
  }

  #hearOthers(others: readonly string[], read: typeof readHeard): Neighbours {
    const { config, log } = this.#surroundings
    const { broker, device, protocolVersion } = mqttOptions(config)
    return hearNeighbours({
      ...{ broker, device, protocolVersion, purpose: 'page', others },
      onMessage: (...told) => {
        const heard = read(...told)
        if (heard) this.#page?.heard(heard)
      },
      onConnectionChange: (connected) => {
        this.#hearsOthers = connected
        if (!connected) this.#refused.clear()
        this.#look()
      },
      onRefused: (other) => void this.#refused.add(other),
      log: log.child({ stage: 'page' })
    })
  }

  #look(): void {
    const { supervision, mqtt } = this.#parts!
    this.#page!.linked({ broker: mqtt.connected(), others: this.#hearsOthers, unreadable: this.#refused })
    this.#hear('health', supervision.look())
  }

  #hear<K extends HeardKind>(kind: K, message: Payloads[K], camera = ''): void {
    const { config, secrets } = this.#surroundings
    // As it goes to the broker: without passwords that an error's text may quote.
    const told = JSON.parse(encode(message, secrets)) as Payloads[K]
    const heard = { device: config.device, kind, camera, message: told } as Heard
    if (this.#page) this.#page.heard(heard)
    else this.#early.push(heard)
  }
}

interface ActionParts {
  commands: CommandHandlers
  neighbours: () => Neighbours | null
  /** In ms since the epoch. */
  now: () => number
}

/** A broker keeps commands for a box that is away: by then the resident may not be comfortable any more. */
const referenceLateMs = 20_000

/** What the page asks for, as the same commands over MQTT would; of another box they go over MQTT. */
function actionsOf(own: string, { commands, neighbours, now }: ActionParts): PageActions {
  const give = async <Name extends keyof CommandArguments>(
    device: string,
    name: Name,
    args: CommandArguments[Name]
  ) => {
    const others = neighbours()
    if (device === own) await commands[name](args)
    else if (others) await others.command(device, name, args)
    else throw new InputError('PL-PAGE-OTHER-BOX', 'is not shown by this page', `box ${device}`)
  }
  return {
    acknowledge: (device, alarm_id, by, kind) => give(device, 'ack', { alarm_id, by, kind }),
    pause: (device, camera, duration_s, by) => give(device, 'pause', { camera, duration_s, by }),
    resume: (device, camera, by) => give(device, 'resume', { camera, by }),
    takeReference: (device, { camera, zone, seconds, by }) => {
      const late = new Date(now() + referenceLateMs).toISOString()
      return give(device, 'reference', { camera, zone, seconds, by, remove: false, not_after: late })
    },
    removeReference: (device, { camera, zone, by }) =>
      give(device, 'reference', { camera, zone, seconds: referenceSeconds.usual, by, remove: true })
  }
}

function picturesOf(cameras: ReadonlyMap<string, WatchedCamera>): NonNullable<PageOptions['pictures']> {
  return {
    cameras: () => cameras.keys(),
    isPaused: (camera) => cameras.get(camera)?.stats().until != null,
    view: async (camera, signal) => {
      const watched = cameras.get(camera)
      if (!watched)
        throw new InputError('PL-SNAPSHOT-CAMERA', 'is not one of those that are watched', `camera ${camera}`)
      return watched.view(signal)
    }
  }
}

const camerasOf = ({ cameras }: HealthMessage, watched: PageParts['cameras']): CameraTile[] =>
  Object.entries(cameras).map(([camera, { state, fps, damaged, usable_share, problem, decoder }]) => {
    // As they are after a reload, too.
    const { masks, zones } = watched.get(camera)?.config ?? { masks: [], zones: [] }
    return { camera, state, fps, damaged, usable_share, problem, decoder, masks, zones }
  })
