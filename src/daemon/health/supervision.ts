/** How painlens itself is: what the watchdog, HTTP, health and metrics tell of. */

import type { Config } from '../../config/index.js'
import type { AlarmMessage } from '../../contract/messages.js'
import type { EpochMs } from '../../core/clock.js'
import type { Log } from '../../core/log.js'
import type { Mqtt } from '../../stages/mqtt/index.js'
import type { WatchedCamera } from '../line/watched-camera.js'
import type { Parts } from '../wiring/parts.js'
import { type HttpStage, type Report, startHttp } from './http.js'
import { LatencyWindow, type LoopDelay } from './latency.js'
import { Metrics } from './metrics.js'
import { Progress } from './progress.js'
import { examine, type Finding } from './vitals.js'

export interface SupervisionOptions {
  parts: () => Parts
  cameras: ReadonlyMap<string, WatchedCamera>
  mqtt: () => Mqtt | undefined
  loop: LoopDelay
  log: Log
}

export class Supervision {
  /** From a frame's capture to the hand-over of what it showed. */
  readonly latency = new LatencyWindow()
  /** From the frame that started an alarm to the broker having confirmed it. */
  readonly publishing = new LatencyWindow()
  readonly progress = new Progress({
    now: () => performance.now(),
    onDone: (part, ms) => this.metrics.stage(part, ms)
  })
  readonly metrics: Metrics
  readonly #options: SupervisionOptions
  #http: HttpStage | null = null
  #told = ''

  constructor(options: SupervisionOptions) {
    this.#options = options
    const { parts, cameras, mqtt, loop } = options
    this.metrics = new Metrics({
      cameras: () => [...cameras].map(([id, camera]) => [id, camera.stats()]),
      outbox: () => parts().outbox.stats(),
      mqtt: () => mqtt()?.stats(),
      workers: () => ({ detect: parts().detector.restarted, classify: parts().classifier.restarted }),
      loopP99Ms: () => loop.p99(),
      publishP95Ms: () => this.publishing.percentile(0.95),
      live: () => this.live().ok,
      ready: () => this.ready().ok
    })
  }

  /** To be called each second. @returns what is wrong now; each change of what is stuck is logged */
  tick(): Finding[] {
    this.progress.tick()
    const findings = this.findings()
    const stuck = findings.filter(({ stops }) => stops === 'live')
    const parts = stuck.map(({ part }) => part).join(', ')
    if (parts !== this.#told && stuck.length > 0)
      this.#options.log.error({ stuck: stuck.map(({ part, why }) => `${part}: ${why}`) }, 'a part of painlens is stuck')
    this.#told = parts
    return findings
  }

  findings(): Finding[] {
    const { cameras, mqtt, parts } = this.#options
    const stats = mqtt()?.stats()
    return examine({
      ...this.progress.vitals(),
      cameras: [...cameras].map(([id, camera]) => ({ id, ...camera.stats() })),
      broker: { connected: stats?.connected ?? false, trouble: stats?.trouble?.what ?? null },
      outbox: parts().outbox.stats()
    })
  }

  live(): Report {
    return reportOf(this.findings().filter(({ stops }) => stops === 'live'))
  }

  ready(): Report {
    return reportOf(this.findings())
  }

  /** What a frame showed has been handed over. @param ms since its capture */
  frame(ms: number): void {
    this.latency.add(ms)
    this.metrics.stage('frame', ms)
  }

  /** An alarm message is on its way. */
  alarm(condition: string, phase: string): void {
    this.metrics.alarm(condition, phase)
  }

  /** The broker has confirmed an alarm. How long an outage lasted says nothing about painlens, so late ones do not count. */
  delivered({ condition, phase, late, updated }: AlarmMessage, at: EpochMs): void {
    if (condition !== 'pain' || phase !== 'start' || late) return
    const ms = at - Date.parse(updated)
    this.publishing.add(ms)
    this.metrics.published(ms)
  }

  /** Back when it listens, or could not for now. */
  async serve({ enabled, host, port, token }: Config['http']): Promise<void> {
    if (!enabled) return
    this.#http = await startHttp({
      host,
      port,
      token,
      live: () => this.live(),
      ready: () => this.ready(),
      metrics: () => this.metrics.text(),
      log: this.#options.log.child({ stage: 'http' })
    })
  }

  http(): ReturnType<HttpStage['stats']> | null {
    return this.#http?.stats() ?? null
  }

  async stop(): Promise<void> {
    await this.#http?.stop()
  }
}

const reportOf = (findings: readonly Finding[]): Report => ({
  ok: findings.length === 0,
  parts: findings.map(({ part, why }) => ({ part, why }))
})
