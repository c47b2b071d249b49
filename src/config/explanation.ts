import { z } from 'zod'
import { plainCompositeNames } from '../lib/lrp/composites.js'
import { engineNames } from '../lib/lrp/engine.js'
import { defaultViews, views } from '../stages/explain/views.js'
import { numberFrom, share, wholeFrom } from './fields.js'

/** The section `explanation` of the config. */
export const explanationSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Explain alarms by LRP. Alarms never wait for it.'),
  engine: z
    .enum(['auto', ...engineNames])
    .default('auto')
    .describe(
      'What computes LRP: tfjs on the CPU, or ONNX Runtime where the classifier runs. auto lets both explain the same pictures at start, refuses to explain if they disagree on most of them, and takes the faster; during that trial a large model takes about four times its file in memory.'
    ),
  session: z
    .enum(['auto', 'own', 'shared'])
    .default('auto')
    .describe(
      'With engine onnx on the CPU: own gives LRP a session beside the classifier, whose verdicts then wait for no explanation; shared has one session for both, which holds the weights once, and a verdict may wait for one view of an explanation, of a large model half a view. auto shares where the model file is larger than an eighth of the memory.'
    ),
  composite: z
    .enum(plainCompositeNames)
    .default('lrp.sequential_preset_a_flat')
    .describe("Which LRP rule goes to which layer, by iNNvestigate's names, and zennit's where iNNvestigate has none."),
  gamma: z
    .union([numberFrom(0, 1000), z.array(numberFrom(0, 1000)).min(1).max(32)])
    .nullable()
    .default(null)
    .describe(
      'Of lrp.gamma and lrp.epsilon_gamma_box: how much more counts what speaks for an output than what speaks against it; null is 0.25. A list is by depth: [0.5, 0.1] for the half of the layers at the input and for the other half.'
    ),
  threshold: share
    .default(0.6)
    .describe(
      'A face with a pain score of at least this begins an episode; an alarm is explained by the strongest frame of its episode.'
    ),
  threads: wholeFrom(1, 64).default(1).describe('CPU threads for explanations.'),
  views: wholeFrom(1, views.length)
    .default(defaultViews)
    .describe(
      'How often each face is explained, slightly shifted, mirrored and lit differently, to measure the uncertainty. Time grows with it; with 1 there is no uncertainty.'
    )
})
