/**
 * The messages of docs/integrate/mqtt.md as schemas: config/messages/*.schema.json and config/asyncapi.yaml come from them
 * (`npm run generate`), and the tests hold every message that a broker brings against them. That they say what
 * core/messages.ts says is checked at compile time: a field that is added there is added here, in one line.
 */
import { z } from 'zod'
import { cameraStates, precisions, regionNames, unusableReasons } from '../core/types.js'
import { commandSchemas } from './commands.js'
import { conditionNames, endReasonNames, priorities } from './conditions.js'
import { byLanguage } from './languages/index.js'
import type { AlarmMessage, CommandName, ResponseMessage } from './messages.js'
import type { Kind, Payloads } from './topics.js'

const time = z.iso.datetime()
const share = z.number().min(0).max(1)
const count = z.number().int().min(0)
const name = z.string().min(1)
const code = z
  .string()
  .regex(/^PL(-[A-Z0-9]+)+$/)
  .describe('What it is, for programs, and for looking it up in docs/operate/errors.md.')
const text = z.strictObject(byLanguage(() => z.string()))

const model = z.strictObject({
  name,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  demonstration: z.boolean().describe('The model is for demonstrations and must not be relied on.')
})

const cameraState = z.enum(cameraStates)

const status = z.strictObject({
  state: z.enum(['online', 'offline']),
  session: name.describe(
    'New with each start; an offline of another session than the last online is an old last will.'
  ),
  version: name,
  at: time.describe('In the last will: when the connection was made.')
})

const cameraStateMessage = z.strictObject({
  state: cameraState,
  since: time,
  until: time.optional().describe('While paused: when painlens looks again by itself.')
})

const cameraPain = z.strictObject({
  suspected: z
    .boolean()
    .nullable()
    .describe(
      'A pain alarm of this camera is active. False: none is, and a face was judged within the last minute. Null: unknown.'
    ),
  since: time,
  alarm_ids: z.array(name).describe('The active pain alarms.'),
  acknowledged: z.boolean().describe('There are active pain alarms, and each has an acknowledgement.')
})

const cameraReference = z.strictObject({
  available: z.boolean().describe("Whether one can be taken: the model's manifest has resting."),
  zones: z.array(name).describe('The zones of the camera, each of which may have a resting face of its own.'),
  references: z
    .array(
      z.strictObject({
        zone: name.nullable().describe('The zone of the bed; null where its face is in none.'),
        since: time.describe('When it was taken.'),
        by: name,
        suspended: z.boolean().describe('It is not used, since another person may lie there.'),
        expired: z.boolean().describe('It is not used any more, since it is older than alarm.reference.expires_days.')
      })
    )
    .describe("The resting faces of the camera's beds. Nothing of what they are is published.")
})

const observation = z.strictObject({
  at: time,
  track: count,
  box: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .describe('x, y, width and height in parts of the picture.'),
  zone: name.nullable(),
  roll_deg: z.number().gt(-180).lte(180).describe('How far the face is turned clockwise from upright.'),
  usable: z.boolean().describe('Whether the face could be judged. What is not usable is never classified.'),
  why_not: z.enum(unusableReasons).nullable().describe('Why the face is not usable; null where it is.'),
  detector_score: share.describe('How surely that is a face.'),
  pain: share.nullable().describe('The score of this frame; null where the face is not usable.'),
  smoothed: share.nullable().describe('The score that alarms go by; null where the face is not usable.'),
  pain_unreferenced: share
    .nullable()
    .describe("The model's own score: pain, unless that was lowered by the resting face of the bed."),
  emotions: z.record(z.string(), share).optional().describe('All classes, only with privacy.publish_emotions.')
})

const acknowledgement = z.strictObject({ by: name, at: time, kind: z.enum(['seen', 'coming', 'false_alarm']) })

const acknowledgementMessage = z.strictObject({
  alarm_id: name,
  ...acknowledgement.shape,
  after_end: z.boolean().describe('The alarm had ended by then.')
})

const alarm = z.strictObject({
  schema: z.literal(1),
  alarm_id: name.describe('Lives through start, updates and end.'),
  phase: z.enum(['start', 'update', 'end']),
  seq: count.describe('Counts the messages of this alarm_id from 0.'),
  type: z.enum(['physiological', 'technical']).describe('About a person, or about painlens itself.'),
  condition: z.enum(conditionNames),
  priority: z.enum(priorities),
  state: z.enum(['active', 'ended']),
  reason: z.enum(endReasonNames).nullable().describe('Why it ended; only "cleared" says that the condition is over.'),
  ack: acknowledgement.nullable().describe('It never ends an alarm.'),
  previous: name
    .nullable()
    .describe('The alarm_id of the last alarm at the same place that ended within a minute before.'),
  reminder: z
    .int()
    .min(1)
    .nullable()
    .describe(
      'The number of an update that reminds: the alarm is active and has no acknowledgement. Null in every other message.'
    ),
  reference: z
    .strictObject({
      effect: z
        .enum(['lowered', 'overruled'])
        .describe(
          'lowered: the score is lower than without the resting face of the bed; overruled: by that alone there would be no alarm, but no resting face lowers such scores.'
        ),
      score_unreferenced: share.describe('The smoothed score without it.')
    })
    .nullable()
    .describe('What the resting face of the bed has to do with the score; null where nothing, or where there is none.'),
  location: z.strictObject({
    facility: name.nullable(),
    ward: name.nullable(),
    room: name.nullable(),
    bed: name.nullable()
  }),
  camera: name.nullable(),
  onset: time.describe('When the condition began.'),
  updated: time.describe('When this message was written.'),
  published: time.describe('When this message was handed to the broker.'),
  score: share.nullable().describe('The smoothed score now; null for technical alarms.'),
  threshold: share.nullable().describe('The score that starts an alarm; null for technical alarms.'),
  duration_s: z.number().min(0),
  text,
  code: code.nullable(),
  late: z.boolean().describe('It waited for more than 10 s: show it as past.'),
  test: z.boolean().describe('Made by the command test_alarm, not by a face in pain.'),
  confirmed: z
    .boolean()
    .nullable()
    .describe(
      'False: the face was judged in int8, and float32 had no time to look at it. An update says true once it has. Null for technical alarms.'
    ),
  model: model.nullable()
})

const percent = z.number().min(0).max(100)

const explanation = z.strictObject({
  alarm_id: name,
  at: time.describe('When the explained frame was captured.'),
  target: name.describe('The label that is explained.'),
  probability: share,
  composite: name,
  engine: name,
  regions: z
    .array(
      z.strictObject({
        region: z.enum(regionNames),
        positive: share.describe('Share of all relevance for the target.'),
        negative: share.describe('Share of all relevance against the target.'),
        balance: z
          .number()
          .min(-1)
          .max(1)
          .describe(
            'Above 0: the region as a whole speaks for the target; below 0: against it. The sentence goes by it.'
          )
      })
    )
    .describe(
      'The shares of positive, of negative, and of balance without its sign each sum up to 1 over all regions.'
    ),
  text: text.describe('A sentence by language.'),
  uncertainty: z
    .strictObject({
      classes: z.record(z.string(), percent).describe('By label; only the target without privacy.publish_emotions.'),
      regions: z.partialRecord(z.enum(regionNames), percent).describe('Percentage points, up or down, of positive.'),
      views: count.describe('How many versions of the face were explained; below 2 nothing is known.')
    })
    .describe('How far the explanation changes where nothing that matters has: 0 (not at all) to 100.'),
  conditioning: share
    .nullable()
    .describe(
      'By what share of its largest relevance the map changes when each value of the picture changes by a millionth of itself; null where the composite cannot be ill-conditioned.'
    ),
  heatmap: z.base64().optional().describe('PNG in base64, only with privacy.publish_heatmap.')
})

const explanationHealth = z.strictObject({
  state: z.enum(['starting', 'ready', 'restarting', 'failed']),
  engine: name.nullable(),
  choice: z.strictObject({ tfjs_ms: z.number(), onnx_ms: z.number(), difference: z.number() }).nullable(),
  problem: z.string().nullable(),
  code: code.nullable(),
  last_ms: z.number().nullable(),
  done: count,
  failed: count
})

const precision = z.strictObject({
  used: z.enum(precisions),
  compared: z
    .strictObject({
      faces: count,
      mean: share.describe('By how much probabilities differ on average.'),
      max: share.describe('By how much they differ at most.'),
      speed: z.number().min(0).describe('How many times as fast it is as float32.')
    })
    .nullable()
    .describe('What was found at start on drawn faces; null where there was nothing to compare with float32.'),
  problem: z.string().nullable().describe('Why it is not the one that was asked for.'),
  code: code.nullable()
})

const size = z.tuple([z.number().int().min(1), z.number().int().min(1)])
const shape = z.strictObject({
  coded: size.describe("Width and height of the stream's pictures, in their own pixels."),
  pixels: z.string().describe('Width to height of such a pixel; 1:1 is square.'),
  rotation: z.literal([0, 90, 180, 270]).describe('By how many degrees clockwise they are turned.'),
  shown: size.describe(
    "Width and height of the camera's picture, in square pixels: what zones, masks and boxes are shares of."
  )
})

const milliseconds = z.number().min(0).nullable()
const percentiles = { p50: milliseconds, p95: milliseconds }

const listening = z.strictObject({ address: name.nullable(), problem: z.string().nullable(), code: code.nullable() })

const health = z.strictObject({
  at: time,
  uptime_s: z.number().min(0),
  cameras: z.record(
    z.string(),
    z.strictObject({
      state: cameraState,
      fps: z.number().min(0),
      frames: count,
      dropped: count,
      damaged: count.describe('Frames whose data was missing or could not be decoded: they are not judged.'),
      last_frame: time.nullable(),
      location: z
        .strictObject({ ward: name.nullable(), room: name.nullable(), bed: name.nullable() })
        .describe('Where the camera is, as its alarms say.'),
      face_at: time
        .nullable()
        .describe(
          'When a face was last seen, whether it could be judged or not; null where there was none since painlens started.'
        ),
      usable_face_at: time
        .nullable()
        .describe('When a face was last seen that could be judged; null where there was none since painlens started.'),
      usable_share: share
        .nullable()
        .describe(
          'The share of the last hour in which one was seen, of the time in which the camera was watched; null if it was not.'
        ),
      judged_every_s: z
        .number()
        .min(0)
        .nullable()
        .describe('Usual time between two frames in which a face was judged; null where none was for a minute.'),
      problem: z
        .string()
        .nullable()
        .describe('Why there is no picture, or a frozen or dark one; null where there is a good one.'),
      code: z.string().nullable().describe('The code of that error; null where it is none.'),
      decoder: name.describe('What decodes its pictures.'),
      decoder_problem: z
        .string()
        .nullable()
        .describe("Why that is not this machine's hardware, where it should be; null otherwise."),
      shape: shape.nullable().describe('Null until the first picture.')
    })
  ),
  active_alarms: count.describe(
    "Alarms that have started and not ended, tests among them: a client that hears none of them does not hear this device's alarms."
  ),
  latency_ms: z.strictObject(percentiles).describe("From a frame's capture to its verdict."),
  publish_ms: z
    .strictObject({ ...percentiles, alarms: count })
    .describe('From the frame that started an alarm to the broker having confirmed it.'),
  event_loop_ms: z.strictObject({ p99: z.number().min(0) }),
  outbox: z.strictObject({ depth: count.describe('Alarms that wait for the broker.') }),
  problems: z
    .array(z.strictObject({ part: name, why: z.string(), code: code.nullable() }))
    .describe('What is wrong with painlens now; empty when all is well.'),
  http: listening.nullable().describe('Null where HTTP is turned off.'),
  page: listening.nullable().describe('Null where the page is turned off.'),
  provider: name,
  precision: precision.describe('In what numbers faces are judged.'),
  model,
  explanation: explanationHealth.nullable().describe('Null where explanations are turned off.')
})

/** What a command answers with beyond "ok", if anything. */
const data = z.union([
  z.strictObject({ until: time }).describe('pause: until when the camera looks away.'),
  z.strictObject({ alarm_id: name }).describe('test_alarm: the alarm that was made.'),
  z
    .strictObject({
      since: time,
      zone: name.nullable(),
      frames: count.describe('Frames of which it is made.'),
      shift: z
        .number()
        .min(0)
        .describe("By how much it may lower pain, in units of the model's outputs before the softmax.")
    })
    .describe('reference: the resting face that was taken.')
])

const response = z.strictObject({
  transaction: z.union([z.string(), z.number()]).optional().describe("The command's."),
  status: z.enum(['ok', 'error']),
  error: z.string().optional().describe('What is wrong with the command, with status "error".'),
  code: code.optional(),
  data: data.optional()
})

/** What painlens publishes, by kind. Unknown keys are refused: only the tests are to be that strict with painlens. */
export const messageSchemas = {
  status,
  health,
  cameraState: cameraStateMessage,
  cameraPain,
  cameraReference,
  observation,
  alarm,
  acknowledgement: acknowledgementMessage,
  explanation,
  response
} satisfies Record<Kind, z.ZodType>

/** The same, and what painlens takes, by the file's name. */
export const contractSchemas: Readonly<Record<string, z.ZodType>> = {
  status,
  health,
  'camera-state': cameraStateMessage,
  'camera-pain': cameraPain,
  'camera-reference': cameraReference,
  observation,
  alarm,
  acknowledgement: acknowledgementMessage,
  explanation,
  response,
  ...Object.fromEntries(
    Object.entries(commandSchemas).map(([command, schema]) => [commandFile(command as CommandName), schema])
  )
}

/** `camera-state`, as the file is called. */
export function messageFile(kind: Kind): string {
  return kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `command-test-alarm`, as the file is called. */
export function commandFile(command: CommandName): string {
  return `command-${command.replaceAll('_', '-')}`
}

/** What goes over the wire where it differs from what the stages hand over. */
type Wire = Omit<Payloads, 'alarm' | 'response'> & {
  alarm: Omit<AlarmMessage, 'published'> & { published: string }
  /** `data` is any object to the stage. */
  response: Omit<ResponseMessage, 'data'> & { data?: z.infer<typeof data> }
}
type Said = { [K in Kind]: z.infer<(typeof messageSchemas)[K]> }
type Flat<T> = T extends object ? { [K in keyof T]: T[K] } : T
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** An error below names the kind whose schema above and type in core/messages.ts differ. */
const same: { [K in Kind]: Same<Flat<Wire[K]>, Flat<Said[K]>> } = {
  status: true,
  health: true,
  cameraState: true,
  cameraPain: true,
  cameraReference: true,
  observation: true,
  alarm: true,
  acknowledgement: true,
  explanation: true,
  response: true
}
void same
