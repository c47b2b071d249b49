/** The changes that are planted, and what has to name which other place. */

/** Those that name places which are no code; together they take a few seconds. docs/develop/changes.md has the list. */
export const quickTests = [
  'test/config/generated',
  'test/config/keys',
  'test/contract/con',
  'test/commands/command',
  'test/architecture',
  'test/core/error-codes',
  'test/lib/lrp/operators',
  'test/daemon/health/metrics'
]

export interface Plant {
  what: string
  /** In its first place only. */
  edits: readonly { file: string; change: (text: string) => string }[]
  /** Parts of what the type check says. */
  byCompiler: readonly string[]
  /** Parts of what the quick tests say. */
  byTests: readonly string[]
}

/** @throws Error where the text is not there: the plant has to follow the code */
const replacing =
  (before: string, after: string) =>
  (text: string): string => {
    if (!text.includes(before)) throw new Error(`there is no ${JSON.stringify(before)} to plant at`)
    return text.replace(before, () => after)
  }

const configPages = ['docs/operate/config.md', 'config/painlens.schema.json']
const languages = 'src/contract/languages/index.ts'
const mapping = 'src/daemon/wiring/mapping.ts'
const commands = 'src/daemon/wiring/commands.ts'

export const plants: readonly Plant[] = [
  {
    what: 'a technical condition',
    edits: [
      {
        file: 'src/contract/conditions.ts',
        change: replacing(
          '  config_rejected: {',
          `  camera_tilted: { kind: 'technical', priority: 'low', meaning: 'a camera has moved', ends: 'it is back' },
  config_rejected: {`
        )
      }
    ],
    byCompiler: ['src/contract/languages/en.ts', 'src/contract/languages/de.ts'],
    byTests: [
      ...configPages,
      'docs/integrate/mqtt.md',
      'config/messages/alarm.schema.json',
      'camera_tilted is raised somewhere in src'
    ]
  },
  {
    what: 'a composite',
    edits: [
      {
        file: 'src/lib/lrp/composites.ts',
        change: replacing(
          "  'lrp.sequential_preset_a': seq",
          "  'lrp.mine': sequential(3, 2),\n  'lrp.sequential_preset_a': seq"
        )
      }
    ],
    byCompiler: [],
    byTests: [...configPages, 'docs/study/explanations.md']
  },
  {
    what: 'a decoder',
    edits: [
      {
        file: 'src/stages/camera/decoders.ts',
        change: replacing(
          '  gstreamer: {',
          `  vaapi: {
    what: 'a PC',
    mjpeg: 'yes',
    purpose: 'PCs',
    create: ({ ffmpeg }) => ffmpegDecoder(ffmpeg)
  },
  gstreamer: {`
        )
      }
    ],
    byCompiler: [],
    byTests: [...configPages, 'docs/operate/cameras.md']
  },
  {
    what: 'a language, its row',
    edits: [
      {
        file: languages,
        change: (text) =>
          replacing('{ en, de } satisfies', '{ en, de, fr } satisfies')(`import { fr } from './fr.js'\n${text}`)
      }
    ],
    byCompiler: ["Cannot find module './fr.js'"],
    byTests: []
  },
  {
    what: 'a language, its row and an empty file',
    edits: [
      {
        file: languages,
        change: (text) =>
          replacing('{ en, de } satisfies', '{ en, de, fr } satisfies')(`import { fr } from './fr.js'\n${text}`)
      },
      {
        file: 'src/contract/languages/fr.ts',
        change: () => "import type { Language } from './language.js'\n\nexport const fr: Language = {}\n"
      }
    ],
    byCompiler: ['src/contract/languages/fr.ts', 'alarm, explanation'],
    byTests: ['config/messages/alarm.schema.json', 'config/messages/explanation.schema.json', 'docs/integrate/mqtt.md']
  },
  {
    what: 'a key of the config',
    edits: [
      {
        file: 'src/config/schema.ts',
        change: replacing(
          '  track_lost_s: numberFrom',
          "  linger_s: numberFrom(0, 60).default(1).describe('A planted key.'),\n  track_lost_s: numberFrom"
        )
      }
    ],
    byCompiler: [],
    byTests: [...configPages, 'alarm.linger_s']
  },
  {
    what: 'a command',
    edits: [
      {
        file: 'src/commands/table.ts',
        change: replacing(
          "  { usage: 'models',",
          `  command({
    usage: 'greet',
    summary: 'Greet.',
    load: async () => (await import('./greet/index.js')).greetCommand
  }),
  { usage: 'models',`
        )
      }
    ],
    byCompiler: ["Cannot find module './greet/index.js'"],
    byTests: ['docs/operate/commands.md', 'README', 'greet']
  },
  {
    what: "an error's code",
    edits: [
      {
        file: 'src/core/error-codes/control.ts',
        change: replacing(
          '  codes: {',
          "  codes: {\n    'PL-CONTROL-MINE': { cause: 'It is planted.', fix: 'Take it away.' },"
        )
      }
    ],
    byCompiler: [],
    byTests: ['docs/operate/errors.md', 'every error code is used by a source', 'test/core/error-codes.txt']
  },
  {
    what: 'an ONNX operator',
    edits: [
      { file: 'src/lib/lrp/graph/operators.ts', change: replacing('  Conv: conv,', '  Mine: alias,\n  Conv: conv,') }
    ],
    byCompiler: [],
    byTests: ['docs/operate/models.md']
  },
  {
    what: 'a metric',
    edits: [
      {
        file: 'src/daemon/health/metrics.ts',
        change: replacing(
          "  ['painlens_info',",
          "  ['painlens_mine', 'Planted.', [], () => one(1)],\n  ['painlens_info',"
        )
      }
    ],
    byCompiler: [],
    byTests: ['docs/operate/supervision.md', 'painlens_mine']
  },
  {
    what: 'a data set that study prepare reads',
    edits: [{ file: 'src/study/choices.ts', change: replacing("'rafdb', 'folders'", "'rafdb', 'mine', 'folders'") }],
    byCompiler: ['src/study/prepare/layouts.ts'],
    byTests: ['docs/operate/commands.md']
  },
  {
    what: 'an option under another name',
    edits: [{ file: 'src/commands/camera-rows.ts', change: replacing("'--since <time>'", "'--from <time>'") }],
    byCompiler: ['src/commands/camera-rows.ts', 'the command has no use for the option from'],
    byTests: ['docs/operate/commands.md']
  },
  {
    what: 'seconds of the config in the place of milliseconds',
    edits: [{ file: mapping, change: replacing('connectMs: first_picture_s * 1000', 'connectMs: first_picture_s') }],
    byCompiler: [mapping],
    byTests: []
  },
  {
    what: 'milliseconds in the place of seconds',
    edits: [{ file: mapping, change: replacing('clearS: alarm.clear_s,', 'clearS: milliseconds(alarm.clear_s),') }],
    byCompiler: [mapping],
    byTests: []
  },
  {
    what: 'seconds of a command in the place of milliseconds',
    edits: [{ file: commands, change: replacing('duration_s * secondMs', 'duration_s') }],
    byCompiler: [commands],
    byTests: []
  },
  {
    what: 'an option that its command does not know',
    edits: [
      {
        file: 'src/commands/camera-rows.ts',
        change: replacing("    ['--camera <id>',", "    ['--room <name>', 'only of this room'],\n    ['--camera <id>',")
      }
    ],
    byCompiler: ['src/commands/camera-rows.ts', 'the command has no use for the option room'],
    byTests: ['docs/operate/commands.md']
  }
]
