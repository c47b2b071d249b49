/** What /metrics tells, in Prometheus's format: figures read when somebody asks, and durations, counted as they come. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { counters, gauges, type MetricSources, type Row } from './metric-rows.js'

const stageBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export class Metrics {
  readonly #registry = new Registry()
  readonly #stages: Histogram<'stage'>
  readonly #inference: Histogram
  readonly #batch: Histogram
  readonly #publish: Histogram
  readonly #alarms: Counter<'condition' | 'phase'>

  constructor(sources: MetricSources) {
    const registers = [this.#registry]
    for (const row of gauges) addGauge(row, sources, registers)
    for (const row of counters) addCounter(row, sources, registers)
    const seconds = { buckets: stageBuckets, registers }
    this.#stages = new Histogram({
      name: 'painlens_stage_seconds',
      help: 'From the call of a stage to its answer, waiting included; frame is from capture to verdict.',
      labelNames: ['stage'],
      ...seconds
    })
    this.#inference = new Histogram({
      name: 'painlens_inference_seconds',
      help: 'The classifier alone, a batch of the faces that waited for it.',
      ...seconds
    })
    this.#batch = new Histogram({
      name: 'painlens_inference_faces',
      help: 'Faces in one inference of the classifier, of all cameras.',
      buckets: [1, 2, 4, 8, 16],
      registers
    })
    this.#publish = new Histogram({
      name: 'painlens_capture_to_publish_seconds',
      help: 'From the frame that started an alarm to the broker having confirmed it; late ones left out.',
      ...seconds
    })
    this.#alarms = new Counter({
      name: 'painlens_alarms_total',
      help: 'Alarm messages, tests included.',
      labelNames: ['condition', 'phase'],
      registers
    })
  }

  stage(stage: string, ms: number): void {
    this.#stages.observe({ stage }, ms / 1000)
  }

  inference(ms: number, faces: number): void {
    this.#inference.observe(ms / 1000)
    this.#batch.observe(faces)
  }

  published(ms: number): void {
    this.#publish.observe(ms / 1000)
  }

  alarm(condition: string, phase: string): void {
    this.#alarms.inc({ condition, phase })
  }

  async text(): Promise<{ type: string; text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() }
  }
}

function addGauge([name, help, labelNames, read]: Row, sources: MetricSources, registers: Registry[]): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames,
    registers,
    collect: () => {
      gauge.reset()
      // What has no labels would stay, as 0, where there is nothing to tell.
      if (labelNames.length === 0) gauge.remove()
      for (const [labels, value] of read(sources)) gauge.set(labels, value)
    }
  })
}

function addCounter([name, help, labelNames, read]: Row, sources: MetricSources, registers: Registry[]): void {
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers,
    collect: () => {
      counter.reset()
      for (const [labels, value] of read(sources)) counter.inc(labels, value)
    }
  })
}
