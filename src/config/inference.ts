import { z } from 'zod'
import { precisions } from '../core/types.js'
import { providerNames } from '../lib/ort/provider-names.js'
import { share, wholeFrom } from './fields.js'

/** `inference`: how models run. */
export const inference = z.strictObject({
  provider: z
    .enum(['auto', ...providerNames])
    .default('auto')
    .describe('Where models run. auto tries CUDA, then the CPU; a named one that does not work stops the start.'),
  precision: z
    .enum(['auto', ...precisions])
    .default('auto')
    .describe(
      'How faces are judged. auto: in int8 on a CPU, if the model has it and it proves right and faster at start.'
    ),
  threads: wholeFrom(0, 64).default(0).describe('CPU threads for each model; 0 chooses by the number of cores.'),
  min_face_score: share.default(0.5).describe('Faces with a lower detector score are ignored.')
})
