/** The rows of table.ts about cameras and their beds, and about what was raised and said there. */
import { configOrder } from '../config/find.js'
import { referenceSeconds } from '../core/types.js'
import { type CommandRow, command } from './command.js'
import { parseLook, parseSince } from './parse.js'

/** config/find.ts has the places that are searched without it. */
export const config = ['-c, --config <file>', `the config file (default: the first of ${configOrder})`] as const

export const cameraRows: readonly CommandRow[] = [
  command({
    usage: 'reference <camera>',
    summary: "Take a bed's resting face while its resident is comfortable, so that pain is judged against it.",
    options: [
      config,
      ['--zone <name>', "the bed's zone, where several persons are in the picture"],
      ['--seconds <n>', 'for how long to look: 5 to 300', parseLook, referenceSeconds.usual],
      ['--by <name>', 'who says that the resident is comfortable (default: your user name)'],
      ['--remove', 'remove it instead, so that pain is judged as without']
    ],
    notes: [
      'Only where alarm.reference.enabled is true; docs/operate/reference.md says when to take one, when not, and who decides.',
      "Kept are numbers of the model's outputs; no picture, and nothing by which a person could be recognised."
    ],
    examples: ['sudo painlens reference room-312 --by "nurse 7"', 'sudo painlens reference room-312 --remove'],
    load: async () => (await import('./reference/index.js')).referenceCommand
  }),
  { usage: 'cameras', summary: 'Find cameras.' },
  command({
    parent: 'cameras',
    usage: 'find',
    summary: 'Find cameras by ONVIF, with their profiles and the addresses of their streams to copy.',
    options: [
      ['--user <name>', 'a user of the cameras, for ONVIF'],
      ['--password-file <file>', 'holds the password (default: $PAINLENS_CAMERA_PASSWORD, else it is asked for)'],
      [
        '--fingerprint <sha256...>',
        'SHA-256 of the certificate of a camera that has signed it itself; several may be given'
      ],
      ['--json', 'print what was found as JSON']
    ],
    notes: [
      'Asks the network of each interface of this machine. A login goes, as a digest, to devices that answer, at the address that',
      'they answer from. A camera that speaks https:// alone is refused at first, with its fingerprint to compare and to give here.'
    ],
    examples: [
      'painlens cameras find',
      'painlens cameras find --user viewer --password-file camera-password',
      'painlens cameras find --user viewer --json'
    ],
    load: async () => (await import('./cameras/index.js')).findCamerasCommand
  })
]

export const alarmsRow: CommandRow = command({
  usage: 'alarms',
  summary: 'List what the alarm log of this device holds.',
  options: [
    config,
    ['--path <folder>', "the log's folder, instead of a config"],
    ['--since <time>', 'only since then: 90m, 12h, 7d, 2026-01-31 or 2026-01-31T06:00', parseSince],
    ['--camera <id>', 'only of this camera'],
    ['--feedback', 'count what was said of alarms for pain, by bed and night, with advice'],
    ['--json', 'each message as it was sent, or with --feedback each count, a JSON object in a line']
  ],
  notes: [
    'A night is from noon to noon. Of each alarm the last "seen" or "false_alarm" counts. painlens learns nothing from it by itself.'
  ],
  examples: ['sudo painlens alarms --since 12h', 'sudo painlens alarms --feedback --since 14d --camera room-12'],
  load: async () => (await import('./alarms/index.js')).alarmsCommand
})
