/** Keeps the announcement for Home Assistant (contract/home-assistant.ts) up to date, also across restarts and renamings. */
import { type AnnouncedCamera, discoveryPayload, discoveryTopic } from '../../contract/home-assistant.js'
import { version } from '../../core/version.js'
import type { Mqtt } from '../../stages/mqtt/index.js'
import type { Outbox } from '../../stages/outbox/index.js'

export interface HomeAssistantOptions {
  device: string
  /** mqtt.home_assistant of the config */
  settings: { enabled: boolean; prefix: string }
  mqtt: Pick<Mqtt, 'announce' | 'withdraw'>
  outbox: Pick<Outbox, 'note' | 'notes'>
}

/** One for each topic on which there is an announcement, with the cameras that were ever in it. */
const notesAt = 'home-assistant/'

export class HomeAssistant {
  readonly #options: HomeAssistantOptions
  readonly #topic: string
  /** Cameras that were announced, by this run or an earlier one. */
  readonly #announced: Set<string>

  constructor(options: HomeAssistantOptions) {
    this.#options = options
    this.#topic = discoveryTopic(options.settings.prefix, options.device)
    const { cameras = [] } = (options.outbox.notes(notesAt).get(this.#topic) ?? {}) as { cameras?: string[] }
    this.#announced = new Set(cameras)
  }

  /** Takes the announcements of an earlier run away that are not wanted any more: it was switched off, or the device renamed. */
  withdrawOthers(): void {
    const { settings, mqtt, outbox } = this.#options
    for (const topic of outbox.notes(notesAt).keys()) {
      if (settings.enabled && topic === this.#topic) continue
      void mqtt.withdraw(topic).then(() => outbox.note({ key: `${notesAt}${topic}`, value: null }))
    }
  }

  /** These are the cameras now; does nothing where it is switched off. */
  announce(cameras: readonly AnnouncedCamera[]): void {
    const { settings, device, mqtt, outbox } = this.#options
    if (!settings.enabled) return
    for (const { id } of cameras) this.#announced.add(id)
    void outbox.note({ key: `${notesAt}${this.#topic}`, value: { cameras: [...this.#announced] } })
    const payload = discoveryPayload({ device, version, cameras, gone: this.#announced })
    mqtt.announce(this.#topic, () => payload)
  }
}
