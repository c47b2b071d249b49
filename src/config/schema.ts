import { z } from 'zod'
import { type Condition, conditionNames, conditions, priorities as priorityNames } from '../contract/conditions.js'
import type { WithUnits } from '../core/clock.js'
import { fingerprintPattern } from '../core/fingerprint.js'
import { logFormats, logLevels } from '../core/log.js'
import { decoderNames, decoders } from '../stages/camera/decoders.js'
import { cameraSchemes } from '../stages/camera/url.js'
import { brokerSchemes, type ProtocolName, protocolVersions } from '../stages/mqtt/connect.js'
import { explanationSchema } from './explanation.js'
import { numberFrom, path, pictureShape, polygon, secret, shaped, share, text, url, wholeFrom } from './fields.js'
import { inference } from './inference.js'
import { restingFaces } from './resting-faces.js'

/**
 * The config: the one source of its types, its defaults, config/painlens.schema.json and docs/operate/config.md
 * (`npm run generate` writes both). snake_case, as users type it. The values that a key may have come from the table of
 * the part that implements them.
 */

const tls = z.strictObject({
  ca: path.optional().describe("The broker's certificate authority, a PEM file; default: those that Node.js trusts."),
  cert: path.optional().describe("painlens's own certificate, a PEM file; goes with key."),
  key: path.optional().describe('The private key of cert, a PEM file.'),
  server_name: text.optional().describe("The name in the broker's certificate, where url has an IP address.")
})

const homeAssistant = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Home Assistant shows this device by itself: status, each camera, pain by camera, a test button.'),
  prefix: shaped(/^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/, 'a topic of letters, digits, _, - and /')
    .default('homeassistant')
    .describe('The discovery prefix that Home Assistant is set to.')
})

const mqtt = z.strictObject({
  url: url(brokerSchemes, 'mqtt://broker.example:1883').describe('The broker. mqtts and wss are encrypted.'),
  username: text.optional().describe('User name at the broker.'),
  password: secret
    .optional()
    .describe(`Password at the broker; better not here but as \${credential:…} or \${file:…}.`),
  client_id: text.optional().describe('MQTT client id; default: painlens- and the device.'),
  protocol: z
    .enum(['auto', ...(Object.keys(protocolVersions) as ProtocolName[])])
    .default('auto')
    .describe('MQTT version. auto is 5, and 3.1.1 where the broker refuses that.'),
  tls: tls.optional().describe('Certificates, for mqtts:// and wss:// only.'),
  keepalive_s: wholeFrom(5, 3600)
    .default(30)
    .describe('Seconds between pings; a silent client is offline after 1.5 of them.'),
  home_assistant: homeAssistant.prefault({}).describe('MQTT discovery for Home Assistant; off unless enabled.')
})

const cameraTls = z.strictObject({
  ca: path
    .optional()
    .describe(
      "The certificate authority that signed the camera's certificate, a PEM file; default: those that Node.js trusts."
    ),
  fingerprint: shaped(fingerprintPattern, '64 hexadecimal digits, with or without colons')
    .optional()
    .describe(
      'SHA-256 of the one certificate to trust, by any issuer; painlens check and the log show it where a certificate is not trusted. Goes alone.'
    ),
  server_name: text
    .optional()
    .describe("The name in the camera's certificate, where url has another one or an IP address.")
})

const location = z.strictObject({
  ward: text.nullable().default(null).describe('Ward or corridor.'),
  room: text.nullable().default(null).describe('Room.'),
  bed: text.nullable().default(null).describe('Bed.')
})

const zone = z.strictObject({
  name: text.describe('The name that alarms and observations carry.'),
  polygon: polygon.describe('Outline of the zone.')
})

const camera = z.strictObject({
  id: shaped(/^[a-z0-9_-]{1,40}$/, 'up to 40 of a-z, 0-9, _ and -').describe(
    'Name in topics and logs; different for each camera.'
  ),
  url: url(cameraSchemes, 'rtsp://user:password@192.0.2.10/stream1').describe(
    'The stream, as the camera maker documents it; 720p is enough. Its password stays out of logs and process lists.'
  ),
  tls: cameraTls
    .optional()
    .describe(
      'How the certificate of an rtsps:// or https:// camera is verified. A camera that fails is not watched: the password could go to another machine.'
    ),
  video_track: z
    .union([z.literal('auto'), wholeFrom(1, 16)])
    .default('auto')
    .describe(
      'Which of the video tracks of a stream with several; auto: the largest where the camera tells their sizes, else the first.'
    ),
  first_picture_s: numberFrom(5, 600)
    .default(25)
    .describe("Seconds that a try waits for its first picture. Set it above the camera's key frame interval."),
  silent_after_s: numberFrom(2, 600)
    .default(10)
    .describe(
      'Seconds without a picture after which the camera is opened anew, and lost. Set it above the time between two pictures.'
    ),
  location: location.prefault({}).describe('Where the camera is; part of each alarm.'),
  fps: numberFrom(0.2, 30).default(5).describe('Frames per second that are analysed.'),
  width: wholeFrom(160, 3840).default(1280).describe('Frames are scaled to this width in pixels.'),
  height: wholeFrom(120, 2160).default(720).describe('Frames are scaled to this height in pixels.'),
  decoder: z
    .enum(decoderNames)
    .default('auto')
    .describe(`What decodes. ${decoderNames.map((name) => `\`${name}\`: ${decoders[name].what}`).join('; ')}.`),
  rotation: z
    .literal(['auto', 0, 90, 180, 270])
    .default('auto')
    .describe(
      'Degrees by which the picture is turned, clockwise. auto: as the stream says; a number counts instead of that.'
    ),
  aspect: pictureShape
    .nullable()
    .default(null)
    .describe(
      "Shape of the camera's picture before rotation, where the stream does not say that its pixels are no squares (960x1080 of a recorder); null: as the stream says."
    ),
  masks: z
    .array(polygon)
    .default([])
    .describe('Outlines of what must not be watched; blacked out right after decoding.'),
  frozen_after_s: numberFrom(2, 3600)
    .nullable()
    .default(10)
    .describe(
      "Seconds of the same picture after which it is frozen; null: never. Set it above the camera's key frame interval."
    ),
  dark_after_s: numberFrom(2, 3600)
    .nullable()
    .default(10)
    .describe('Seconds without anything visible (dark or covered) after which the picture is dark; null: never.'),
  zones: z
    .array(zone)
    .default([])
    .describe('Named parts of the picture, such as a bed; a face belongs to the first that contains it.')
})

const model = z.strictObject({
  manifest: path
    .default('models/pain-demo.yaml')
    .describe(
      'The classifier: a manifest beside its ONNX file. The default is the demonstration model of the installation.'
    ),
  face_models: path
    .optional()
    .describe('Folder of the face detection and landmark models; default: those of the installation.')
})

const priority = z.enum(priorityNames)

/** Every condition of alarms. */
const priorities = Object.fromEntries(
  conditionNames.map((name) => [
    name,
    priority.default(conditions[name].priority).describe(sentence(conditions[name].meaning))
  ])
) as Record<Condition, z.ZodDefault<typeof priority>>

export const alarmSchema = z.strictObject({
  onset_threshold: share.default(0.7).describe('A smoothed pain score of at least this begins an alarm …'),
  onset_s: numberFrom(0, 600).default(2).describe('… when it lasts this many seconds in which the face is seen …'),
  onset_frames: wholeFrom(1, 1000).default(3).describe('… and was judged in at least this many frames.'),
  clear_threshold: share.default(0.45).describe('A smoothed score below ends it …; smaller than onset_threshold.'),
  clear_s: numberFrom(0, 600)
    .default(3)
    .describe(
      '… when it lasts this many seconds in which the same face is seen; two and four times as many where alarms follow one another within a minute.'
    ),
  smoothing_s: numberFrom(0, 60).default(1).describe('Time constant of the smoothing, in seconds; 0 is none.'),
  update_s: numberFrom(1, 3600).default(10).describe('Seconds between updates while an alarm lasts.'),
  update_min_s: numberFrom(0, 3600)
    .default(1)
    .describe("Least seconds from an alarm's message to its next update; changes in between are merged into that."),
  updates_per_s: numberFrom(0.1, 1000)
    .default(20)
    .describe(
      'Updates per second of all alarms together, further ones are merged; starts and ends are never held back.'
    ),
  track_lost_s: numberFrom(0.5, 600)
    .default(5)
    .describe(
      'A face out of sight for this many seconds is gone; its alarm ends. Up to four times as long for a face that is seen rarely.'
    ),
  remind_s: numberFrom(10, 86_400)
    .nullable()
    .default(120)
    .describe(
      'Seconds after which a pain alarm without an acknowledgement is sent once more as a reminder, again and again while it lasts; null: never.'
    ),
  face_unusable_min: numberFrom(0.1, 1440)
    .default(10)
    .describe(
      'Minutes in which faces are found and none can be judged after which face_unusable is raised; an alarm whose face is still seen but cannot be judged ends after as long.'
    ),
  nobody_seen_min: numberFrom(0.1, 10_080)
    .nullable()
    .default(null)
    .describe(
      'Minutes without any face after which nobody_seen is raised; null: never. For a bed that is never empty; 60 leaves room for a head turned away.'
    ),
  overloaded_min: numberFrom(0.1, 1440)
    .nullable()
    .default(5)
    .describe(
      'Minutes by which the time in which faces are judged too seldom for onset_s and onset_frames, as the box drops frames, exceeds the time in which they are judged often enough, before overloaded is raised; null: never.'
    ),
  reference: restingFaces,
  priority: z.strictObject(priorities).prefault({}).describe('Priority by condition.')
})

const privacy = z.strictObject({
  publish_emotions: z
    .boolean()
    .default(false)
    .describe(
      'Publish the scores of all classes. Emotions are subject to the EU AI Act: get legal advice before you turn it on.'
    ),
  publish_heatmap: z.boolean().default(false).describe('Publish heatmaps (PNG, the outline of a face may show).'),
  show_pictures: z
    .boolean()
    .default(false)
    .describe(
      'Show technicians pictures of the cameras on the page, masks black, for 10 minutes after each request, which is logged.'
    ),
  save_heatmaps_to: path
    .nullable()
    .default(null)
    .describe('Folder for heatmaps, for demonstrations and studies. Nothing is saved without it.')
})

const device = shaped(/^[a-z0-9-]{1,40}$/, 'up to 40 of a-z, 0-9 and -')
export const isDeviceName = (name: string): boolean => device.safeParse(name).success

const ownAddress = shaped(/^(localhost|[0-9.]+|[0-9a-f.]*:[0-9a-f:.]*)$/i, 'an IP address of this device, or localhost')

const pageToken = secret.min(16).meta({ writeOnly: true, patternErrorMessage: 'at least 16 characters' }).optional()

const http = z.strictObject({
  enabled: z.boolean().default(true).describe('Answer /live, /ready and /metrics (Prometheus) over HTTP.'),
  host: ownAddress
    .default('127.0.0.1')
    .describe(
      'Where to listen. Any address but those of this device itself (127.0.0.1, ::1, localhost) requires a token; 0.0.0.0 is every network.'
    ),
  port: wholeFrom(1, 65_535)
    .default(9464)
    .describe(
      'The TCP port. If it is taken, painlens says so in the log and in health, keeps watching, and tries again every 30 s.'
    ),
  token: secret
    .min(16)
    .meta({ writeOnly: true, patternErrorMessage: 'at least 16 characters' })
    .optional()
    .describe(
      `Requests must send it as "Authorization: Bearer …"; better not here but as \${credential:…} or \${file:…}.`
    )
})

const page = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Serve the page: rooms as lamps, open alarms, acknowledging and pausing (docs/operate/page.md).'),
  host: ownAddress
    .default('127.0.0.1')
    .describe(
      'Where to listen; 0.0.0.0 is every network. Any address but those of this device itself is encrypted: with tls, else with a certificate that painlens makes.'
    ),
  port: wholeFrom(1, 65_535)
    .default(9465)
    .describe('The TCP port. If it is taken, painlens says so in the log and tries again every 30 s.'),
  tls: z
    .strictObject({
      cert: path.describe("painlens's certificate for browsers, a PEM file, with those between it and its authority."),
      key: path.describe('The private key of cert, a PEM file.')
    })
    .optional()
    .describe(
      'HTTPS and HTTP/2 with this certificate. Without it, any host but this device itself gets one that painlens makes.'
    ),
  tokens: z
    .strictObject({ ward: pageToken.describe('For the staff.'), technician: pageToken.describe('For the technician.') })
    .prefault({})
    .describe(
      `What is asked for at login, at least 16 characters each; better not here but as \${credential:…} or \${file:…}. A role without a token cannot log in.`
    ),
  devices: z
    .array(device)
    .max(64)
    .default([])
    .describe(
      'The other boxes of the ward that this page shows, by their `device`; the broker has to let it read them.'
    ),
  path: path
    .default('data/page')
    .describe(
      "Folder of the page's own state: the key of its logins, and the history. Relative to $STATE_DIRECTORY under systemd."
    ),
  history_days: wholeFrom(1, 366)
    .default(14)
    .describe(
      'For how many days the page keeps the history of rooms, alarms, acknowledgements, pauses and looks at pictures.'
    )
})

const log = z.strictObject({
  level: z.enum(logLevels).default('info').describe('The lowest level that is logged.'),
  format: z
    .enum(logFormats)
    .default('auto')
    .describe('text for people, json for programs; auto: text on a terminal and in the journal, else json.')
})

const outbox = z.strictObject({
  path: path
    .default('data/outbox')
    .describe(
      'Folder of the alarms that the broker has not confirmed yet. Relative to $STATE_DIRECTORY under systemd.'
    ),
  max_messages: wholeFrom(100, 10_000_000)
    .default(100_000)
    .describe('At this number of messages, the oldest are discarded.'),
  expiry_h: numberFrom(0.1, 720).default(24).describe('Alarms older than this many hours are no longer delivered.')
})

const alarmLog = z.strictObject({
  path: path
    .default('data/alarms')
    .describe('Folder of the alarm log, which painlens alarms lists. Relative to $STATE_DIRECTORY under systemd.'),
  max_mb: numberFrom(1, 10_000).default(32).describe('At this size, the oldest eighth is deleted.')
})

export const configSchema = z.strictObject({
  device: device.describe('Name of this device; its MQTT topics begin with painlens/ and this.'),
  facility: text.nullable().default(null).describe('Name of the care home; part of each alarm.'),
  mqtt: mqtt.describe('The MQTT broker that alarms go to.'),
  cameras: z.array(camera).min(1).describe('The cameras to watch.'),
  model: model.prefault({}).describe('The models.'),
  inference: inference.prefault({}).describe('How models run.'),
  alarm: alarmSchema.prefault({}).describe('When an alarm begins and ends.'),
  explanation: explanationSchema.prefault({}).describe('Explanations of alarms.'),
  privacy: privacy.prefault({}).describe('What may leave the device beyond numbers. All off by default.'),
  http: http.prefault({}).describe('The state of painlens, for monitoring. No pictures, no scores.'),
  page: page.prefault({}).describe('A page for nurses and technicians, on a listener of its own. Off by default.'),
  log: log.prefault({}).describe('The log, on standard error.'),
  outbox: outbox.prefault({}).describe('Alarms on disk until the broker confirms them.'),
  alarm_log: alarmLog.prefault({}).describe('All alarm messages, kept on this device; no pictures.')
})

export type Config = WithUnits<z.infer<typeof configSchema>>
export type CameraConfig = Config['cameras'][number]

/** As a sentence: with a capital and a full stop. */
function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}
