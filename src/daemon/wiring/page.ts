/** The page of this box, and how it hears what subscribers are told. */
import type { CommandArguments } from '../../contract/commands.js'
import type { HealthMessage } from '../../contract/messages.js'
import type { Payloads } from '../../contract/topics.js'
import { stamp, timeOfDay } from '../../core/clock.js'
import { InputError } from '../../core/errors.js'
import type { ListenerStats } from '../../core/persistent-listener.js'
import { version } from '../../core/version.js'
import {
  type CameraTile,
  type Heard,
  type HeardKind,
  type PageActions,
  type PageOptions,
  type PageStage,
  readHeard,
  startPage
} from '../../page/index.js'
import type { Alarms } from '../../stages/alarm/index.js'
import { type CommandHandlers, encode, hearNeighbours, type Mqtt, type Neighbours } from '../../stages/mqtt/index.js'
import type { Supervision } from '../health/supervision.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import { mqttOptions, pageOptions } from './mapping.js'
import type { Surroundings } from './parts.js'

/** What stages tell subscribers through; the page hears it. */
export type Telling = Pick<
  Mqtt,
  | 'putAlarmInOutbox'
  | 'putAcknowledgementInOutbox'
  | 'putExplanationInOutbox'
  | 'cameraState'
  | 'cameraPain'
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

/** There from the start, so that it misses nothing that is told before the page is served; does nothing where that is off. */
export class DaemonPage {
  readonly #surroundings: Surroundings
  /** What was told before the page was there. */
  #early: Heard[] = []
  #parts: PageParts | null = null
  #page: PageStage | null = null
  #neighbours: Neighbours | null = null
  #hearsOthers = false
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
    const actions = actionsOf(config.device, parts.commands, () => this.#neighbours)
    const pictures = config.privacy.show_pictures ? picturesOf(parts.cameras) : null
    const looking = { pictures, cameras: () => camerasOf(parts.supervision.look(), parts.cameras) }
    this.#page = await startPage({ ...about, ...looking, actions, log: log.child({ stage: 'page' }), clock })
    for (const heard of this.#early.splice(0)) this.#page.heard(heard)
    this.#hear('status', { state: 'online', session: '', version, at: stamp(clock, clock.now()) })
    this.#look()
    if (about.others.length > 0) this.#neighbours = this.#hearOthers(about.others)
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
    await Promise.all([this.#neighbours?.stop(), this.#page?.stop()])
  }

  #hearOthers(others: readonly string[]): Neighbours {
    const { config, log } = this.#surroundings
    const { broker, device, protocolVersion } = mqttOptions(config)
    return hearNeighbours({
      ...{ broker, device, protocolVersion, others },
      onMessage: (...told) => {
        const heard = readHeard(...told)
        if (heard) this.#page?.heard(heard)
      },
      onConnectionChange: (connected) => {
        this.#hearsOthers = connected
        this.#look()
      },
      log: log.child({ stage: 'page' })
    })
  }

  #look(): void {
    const { supervision, mqtt } = this.#parts!
    this.#page!.linked({ broker: mqtt.connected(), others: this.#hearsOthers })
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

/** What the page asks for, as the same commands over MQTT would; of another box they go over MQTT. */
function actionsOf(own: string, commands: CommandHandlers, neighbours: () => Neighbours | null): PageActions {
  const give = async <Name extends keyof CommandArguments>(
    device: string,
    name: Name,
    args: CommandArguments[Name]
  ) => {
    const others = neighbours()
    if (device === own) await commands[name](args)
    else if (others) await others.command(device, name, args)
    else throw new InputError('PL-PAGE-OTHER-BOX', 'is none that this page shows', `box ${device}`)
  }
  return {
    acknowledge: (device, alarm_id, by, kind) => give(device, 'ack', { alarm_id, by, kind }),
    pause: (device, camera, duration_s, by) => give(device, 'pause', { camera, duration_s, by }),
    resume: (device, camera, by) => give(device, 'resume', { camera, by })
  }
}

function picturesOf(cameras: ReadonlyMap<string, WatchedCamera>): NonNullable<PageOptions['pictures']> {
  return {
    cameras: () => cameras.keys(),
    isPaused: (camera) => cameras.get(camera)?.stats().until != null,
    view: async (camera, signal) => {
      const watched = cameras.get(camera)
      if (!watched) throw new InputError('PL-SNAPSHOT-CAMERA', 'is none of those that are watched', `camera ${camera}`)
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
