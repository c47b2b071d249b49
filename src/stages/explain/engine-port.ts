/** An LRP engine that computes in another thread, from both sides. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { answerCalls, PortClient } from '../../core/worker.js'
import { type Engine, type EngineResult, type EngineShape, engineShape, type Sample } from '../../lib/lrp/engine.js'

interface LrpSample {
  sample: Sample
  weights: Float32Array
}

type EngineMethods = {
  explain(request: LrpSample): Promise<EngineResult>
  logits(sample: Sample): Promise<Float32Array>
}

/** @returns a port to be given to the thread that is to ask the engine; it closes with that thread */
export function portTo(engine: Engine): { port: MessagePort; shape: EngineShape } {
  const { port1, port2 } = new MessageChannel()
  const methods: EngineMethods = {
    explain: ({ sample, weights }) => engine.explain(sample, weights),
    logits: (sample) => engine.logits(sample)
  }
  answerCalls(port1, methods)
  // The thread on the other side is what keeps the process alive.
  port1.unref()
  return { port: port2, shape: engineShape(engine) }
}

/** The engine on the other side of a port. */
export function engineBehind(port: MessagePort, shape: EngineShape): Engine {
  const client = new PortClient<EngineMethods>(port, shape.name)
  return {
    ...shape,
    // The explainer has made a copy of its caller's values.
    explain: (sample, weights) => client.call('explain', { sample, weights }, [sample.data.buffer as ArrayBuffer]),
    logits: (sample) => client.call('logits', sample, [sample.data.buffer as ArrayBuffer]),
    async close() {
      port.close()
    }
  }
}
