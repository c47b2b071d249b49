import { z } from 'zod'
import { numberFrom } from './fields.js'

/** `alarm.reference`: the resting faces of beds. */
export const restingFaces = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'Take resting faces by the command reference, and judge pain against them. Read docs/operate/reference.md before.'
      ),
    expires_days: numberFrom(1, 366).default(30).describe('After so many days a resting face is not used any more.'),
    max_shift: numberFrom(0.1, 100)
      .default(1)
      .describe(
        "A resting face that would lower pain by more than this is refused, and dropped at the next start, in units of the model's outputs before the softmax."
      ),
    always_alarm: numberFrom(0.5, 0.99)
      .default(0.95)
      .describe('No resting face lowers a score of the model from here on, and none is taken of a face that scores so.')
  })
  .prefault({})
  .describe("The resident's own resting face, against which pain is judged. Off by default.")
