import { readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  circlesIn,
  hiddenImports,
  importsOf,
  namesTwice,
  packagesLoadedBy,
  type Rules,
  rowFor,
  sourcesBelow,
  unitOf,
  violationsOf
} from './support/imports.js'

const root = fileURLToPath(new URL('..', import.meta.url))

const libraries = 'lib/*'
const stages = 'stages/*'

/**
 * The drawing of docs/architecture.md: which folder may import which, besides itself. The most exact row that fits a folder holds for
 * it; a folder without a row may not be there. `X/*` names every folder in X.
 */
const rules: Rules = {
  core: [],
  contract: ['core'],

  // Libraries know nothing of config, log or MQTT.
  'lib/random.ts': [],
  'lib/rtp.ts': [],
  'lib/lettering': [],
  'lib/onnx': ['core'],
  'lib/picture': ['core'],
  'lib/ort': ['core'],
  'lib/model': ['core', 'lib/onnx'],
  'lib/vgg': ['core', 'lib/onnx', 'lib/model'],
  'lib/face': ['core', 'lib/onnx', 'lib/ort', 'lib/statistics'],
  'lib/lrp': ['core', 'lib/onnx', 'lib/ort'],
  'lib/statistics': ['lib/random.ts'],
  'lib/train': ['core', 'lib/random.ts', 'lib/onnx', 'lib/ort', 'lib/lrp'],

  // One direction: a stage never knows another one; the daemon joins them.
  [stages]: ['core', 'contract', libraries],

  // What a key may be comes from the tables of those who carry it out: from these files, none of which opens anything.
  config: [
    'core',
    'contract',
    'lib/lrp/composites.ts',
    'lib/lrp/engine.ts',
    'lib/ort/provider-names.ts',
    'stages/camera/decoders.ts',
    'stages/camera/url.ts',
    'stages/explain/views.ts',
    'stages/mqtt/connect.ts'
  ],
  provider: ['core', libraries],
  'show/render': ['core', 'lib/random.ts'],
  'show/simulate': ['core', 'lib/random.ts', 'lib/rtp.ts', 'show/render'],
  'show/demo': ['core', 'contract'],

  // Joins the stages: line ← report, line ← health, line ← control, and wiring knows them all.
  'daemon/line': ['core', 'config', stages],
  'daemon/report': ['core', 'contract', 'config', stages, 'daemon/line'],
  'daemon/health': ['core', 'contract', 'config', stages, 'daemon/line'],
  'daemon/control': ['core', 'contract', 'config', stages, 'daemon/line'],
  'daemon/wiring': [
    'core',
    'contract',
    'config',
    libraries,
    stages,
    'onvif',
    'page',
    // Drawn faces, by which a model is tried at start.
    'show/render',
    'daemon/line',
    'daemon/report',
    'daemon/health',
    'daemon/control'
  ],

  // Makes a model from pictures; knows no config and no daemon.
  study: ['core', libraries, stages, 'show/*'],

  // Serves and shows; the daemon hands it what it tells and does. The browser's part knows what goes over the wire, and
  // which outlines the config accepts.
  onvif: ['core', libraries],
  page: ['core', 'contract', libraries],
  'page/web': ['contract', 'core/types.ts', 'config/polygon.ts', 'page/wire.ts'],

  // A command never knows another one; the table does.
  'commands/*': [
    'core',
    'contract',
    'config',
    libraries,
    stages,
    'daemon/*',
    'page',
    'provider',
    'show/*',
    'study',
    'onvif',
    'commands/broker.ts',
    'commands/prompter.ts'
  ],
  'commands/prompter.ts': ['core'],
  'commands/broker.ts': ['core', 'config', 'stages/mqtt', 'daemon/wiring'],
  'commands/table.ts': ['core', 'commands/*', 'show/demo'],
  'commands/camera-rows.ts': ['core', 'config/find.ts', 'commands/*'],
  'commands/study-rows.ts': ['commands/*', 'lib/train/choices.ts', 'study/choices.ts'],
  'commands/command.ts': [],
  'commands/program.ts': ['core', 'commands/table.ts', 'commands/command.ts'],
  'commands/parse.ts': ['core'],
  'commands/report.ts': ['core'],
  'main.ts': ['core', 'provider', 'commands/program.ts', 'commands/report.ts'],

  // Beside src, and in no release: tools import what ships, never the other way round.
  'tools/*': ['src', 'tools/*']
}

const files = ['src', 'tools'].flatMap((folder) => sourcesBelow(join(root, folder))).map((file) => relative(root, file))
const texts = files.map((file) => [file, readFileSync(join(root, file), 'utf8')] as const)
const imports = texts.flatMap(([file, text]) => importsOf(file, text))

/** One import that breaks each row of the table, and what the test says of it. */
const planted: Record<string, [file: string, text: string, violation: string]> = {
  core: ['src/core/x.ts', "export * from '../config/index.js'", 'config'],
  contract: ['src/contract/x.ts', "import { startMqtt } from '../stages/mqtt/index.js'", 'stages/mqtt'],
  'lib/random.ts': ['src/lib/random.ts', "import { log } from '../core/log.js'", 'core'],
  'lib/rtp.ts': ['src/lib/rtp.ts', "import { a } from '../core/log.js'", 'core'],
  'lib/lettering': ['src/lib/lettering/x.ts', "import { log } from '../../core/log.js'", 'core'],
  'lib/onnx': ['src/lib/onnx/x.ts', "import type { A } from '../lrp/index.js'", 'lib/lrp'],
  'lib/picture': ['src/lib/picture/x.ts', "import { a } from '../face/align.js'", 'lib/face'],
  'lib/ort': ['src/lib/ort/x.ts', "import { a } from '../onnx/index.js'", 'lib/onnx'],
  'lib/model': ['src/lib/model/x.ts', "import { a } from '../../config/index.js'", 'config'],
  'lib/vgg': ['src/lib/vgg/x.ts', "import { a } from '../face/align.js'", 'lib/face'],
  'lib/face': ['src/lib/face/x.ts', "import { a } from '../../stages/detect/index.js'", 'stages/detect'],
  'lib/lrp': [
    'src/lib/lrp/deep/x.ts',
    "const a = await import('../../../stages/classify/index.js')",
    'stages/classify'
  ],
  'lib/statistics': ['src/lib/statistics/x.ts', "import { a } from '../model/manifest.js'", 'lib/model'],
  'lib/train': ['src/lib/train/x.ts', "import { a } from '../face/align.js'", 'lib/face'],
  [stages]: ['src/stages/alarm/x.ts', "import { startMqtt } from '../mqtt/index.js'", 'stages/mqtt'],
  config: ['src/config/x.ts', "import { a } from '../stages/camera/camera.js'", 'stages/camera'],
  provider: ['src/provider/x.ts', "import { a } from '../config/index.js'", 'config'],
  'show/render': ['src/show/render/x.ts', "import { a } from '../simulate/feed.js'", 'show/simulate'],
  'show/simulate': ['src/show/simulate/x.ts', "import { a } from '../demo/demo.js'", 'show/demo'],
  'show/demo': ['src/show/demo/x.ts', "import { a } from '../../daemon/wiring/daemon.js'", 'daemon/wiring'],
  'daemon/line': ['src/daemon/line/x.ts', "import type { Reporter } from '../report/reporter.js'", 'daemon/report'],
  'daemon/report': ['src/daemon/report/x.ts', "import { Metrics } from '../health/metrics.js'", 'daemon/health'],
  'daemon/health': ['src/daemon/health/x.ts', "import { startDaemon } from '../wiring/daemon.js'", 'daemon/wiring'],
  'daemon/control': ['src/daemon/control/x.ts', "import { Metrics } from '../health/metrics.js'", 'daemon/health'],
  'daemon/wiring': ['src/daemon/wiring/x.ts', "import { a } from '../../commands/table.js'", 'commands/table.ts'],
  study: ['src/study/train/x.ts', "import { a } from '../../config/index.js'", 'config'],
  onvif: ['src/onvif/x.ts', "import { a } from '../page/index.js'", 'page'],
  page: ['src/page/x.ts', "import { a } from '../stages/mqtt/index.js'", 'stages/mqtt'],
  'page/web': ['src/page/web/x.tsx', "import { a } from '../server.js'", 'page'],
  'commands/*': ['src/commands/run/x.ts', "import { a } from '../check/index.js'", 'commands/check'],
  'commands/table.ts': ['src/commands/table.ts', "import { a } from '../daemon/wiring/daemon.js'", 'daemon/wiring'],
  'commands/study-rows.ts': ['src/commands/study-rows.ts', "import { a } from '../study/train/index.js'", 'study'],
  'commands/camera-rows.ts': [
    'src/commands/camera-rows.ts',
    "import { a } from '../stages/mqtt/index.js'",
    'stages/mqtt'
  ],
  'commands/program.ts': ['src/commands/program.ts', "import { a } from './run/index.js'", 'commands/run'],
  'commands/command.ts': ['src/commands/command.ts', "import { a } from './run/index.js'", 'commands/run'],
  'commands/parse.ts': ['src/commands/parse.ts', "import { a } from './run/index.js'", 'commands/run'],
  'commands/broker.ts': ['src/commands/broker.ts', "import { a } from './run/index.js'", 'commands/run'],
  'commands/prompter.ts': ['src/commands/prompter.ts', "import { a } from './run/index.js'", 'commands/run'],
  'commands/report.ts': ['src/commands/report.ts', "import { a } from './run/index.js'", 'commands/run'],
  'main.ts': ['src/main.ts', "import { a } from './daemon/wiring/daemon.js'", 'daemon/wiring'],
  'tools/*': ['tools/bench/x.ts', "import { a } from '../../test/support/ward.js'", 'test']
}

describe('the boundaries of docs/architecture.md', () => {
  it('hold for every import in src and tools, worker scripts and dynamic imports included', () => {
    expect(violationsOf(imports, rules)).toEqual([])
  })

  it('have a row for every folder, and a folder for every row', () => {
    const rows = new Set(files.map((file) => rowFor(unitOf(file), rules) ?? `no row for ${file}`))
    expect([...rows].sort()).toEqual(Object.keys(rules).sort())
  })

  it('are broken by at least one planted import for every row', () => {
    expect(Object.keys(planted).sort()).toEqual(Object.keys(rules).sort())
  })

  it.each(Object.entries(planted))('are broken by a planted import in %s', (_, [file, text, to]) => {
    expect(violationsOf(importsOf(file, text), rules)).toEqual([`${file} imports ${to}`])
  })

  it('are broken by a worker script of another stage', () => {
    const text = "const script = workerScript(import.meta.url, '../detect/worker.js')"
    expect(violationsOf(importsOf('src/stages/classify/x.ts', text), rules)).toEqual([
      'src/stages/classify/x.ts imports stages/detect'
    ])
  })

  it.each([
    ['require', "const { loadConfig } = require('../config/index.js')"],
    ['a resolved path', "const path = import.meta.resolve('../config/index.js')"],
    ['a path without an ending', "import { loadConfig } from '../config/index'"],
    ['a type alone', "type A = typeof import('../config/index.js')"]
  ])('are broken by %s', (_, text) => {
    expect(violationsOf(importsOf('src/core/x.ts', text), rules)).toEqual(['src/core/x.ts imports config'])
  })

  it('are broken by a script of what does not ship', () => {
    const text = "import { build } from '../../scripts/build.mjs'"
    expect(violationsOf(importsOf('src/study/x.ts', text), rules)).toEqual(['src/study/x.ts imports scripts'])
  })

  it('hold for all imports, since none is hidden from this test', () => {
    expect(texts.flatMap(([file, text]) => hiddenImports(file, text))).toEqual([])
  })

  it.each([
    'import(where)',
    'import(`../config/index.js`)',
    "new Worker(join(folder, '../config/x.js'))",
    "fork(join(folder, '../config/x.js'))"
  ])('would be hidden by %s', (text) => {
    expect(hiddenImports('src/core/x.ts', `const a = await ${text}`)).toEqual([`src/core/x.ts: ${text}`])
  })

  it('are broken by a folder without a row', () => {
    expect(violationsOf(importsOf('src/odds/x.ts', "import { a } from '../core/log.js'"), rules)).toEqual([
      'src/odds/x.ts is in odds, which has no row'
    ])
  })
})

const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
/** The rows of its table of floors, by their first cell. */
const floors = new Map(
  [...page.matchAll(/^\| `([\w./-]+?)\/?` \|(.*)$/gm)].map(([, floor = '', row = '']) => [floor, row])
)

describe('docs/architecture.md', () => {
  it('has a row for each folder and file of src, and for the tools', () => {
    const there = files.map((file) =>
      file
        .split('/')
        .slice(0, file.startsWith('src/') ? 2 : 1)
        .join('/')
    )
    expect([...floors.keys()].sort()).toEqual([...new Set(there)].sort())
  })

  it.each(['src/daemon', 'src/lib', 'src/stages', 'tools'])('names in the row of %s each folder in there', (floor) => {
    const inside = files.filter((file) => file.startsWith(`${floor}/`)).map((file) => file.slice(floor.length + 1))
    const folders = inside.flatMap((path) => (path.includes('/') ? [path.split('/')[0]!] : []))
    expect(folders.length).toBeGreaterThan(4)
    const named = (folder: string): boolean => new RegExp(`(?<![\\w-])${folder}(?![\\w-])`).test(floors.get(floor)!)
    expect([...new Set(folders)].filter((folder) => !named(folder))).toEqual([])
  })

  it('has each script of a worker thread or a child process in its table of threads and processes', () => {
    const [, table = ''] = page.split('\n## Threads and processes\n')
    const scripts = texts.flatMap(([file, text]) =>
      [...text.matchAll(/workerScript\([^,]+, '([^']+)\.js'\)/g)].map(([, path = '']) =>
        posix.join(dirname(file), `${path}.ts`)
      )
    )
    const ofSrc = scripts.filter((script) => script.startsWith('src/')).map((script) => script.slice('src/'.length))
    expect(ofSrc.length).toBeGreaterThan(4)
    expect(ofSrc.filter((script) => !table.includes(`\`${script}\``))).toEqual([])
  })
})

/** What libraries take from core beside the log: they report by what they throw and return. */
const logging = (all: typeof imports): string[] =>
  all.filter(({ file, target }) => file.startsWith('src/lib/') && target === 'src/core/log.ts').map(({ file }) => file)

describe('libraries', () => {
  it('write no log', () => {
    expect(logging(imports)).toEqual([])
  })

  it('that write one are found', () => {
    expect(logging(importsOf('src/lib/face/x.ts', "import type { Log } from '../../core/log.js'"))).toEqual([
      'src/lib/face/x.ts'
    ])
  })
})

/** Packages that are loaded before anything is done. Each costs up to 0.15 s of a core: what is used later is imported then. */
const config = ['pino', 'yaml', 'zod']
const atStart: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts': ['commander'],
  'src/config/index.ts': config,
  'src/commands/alarms/index.ts': config,
  'src/commands/cameras/index.ts': config,
  'src/commands/check/index.ts': config,
  'src/commands/forget/index.ts': config,
  'src/commands/reference/index.ts': config,
  'src/commands/snapshot/index.ts': config,
  'src/commands/backup/index.ts': ['classic-level', ...config],
  'src/commands/run/index.ts': ['classic-level', 'pino', 'prom-client', 'rxjs', 'systemd-notify', 'yaml', 'zod'],
  'src/stages/detect/worker.ts': ['onnxruntime-node'],
  'src/stages/classify/worker.ts': ['onnxruntime-node'],
  'src/stages/explain/worker.ts': ['onnxruntime-node']
}

describe('before anything is done', () => {
  it.each(Object.entries(atStart))('%s loads no other packages than those of its row', (file, packages) => {
    expect(packagesLoadedBy(root, file)).toEqual(packages)
  })
})

describe('files', () => {
  it('never import each other in a circle', () => {
    expect(circlesIn(imports)).toEqual([])
  })

  it('that import each other in a planted circle are named', () => {
    const circle = [
      ...importsOf('src/a.ts', "import { b } from './b.js'"),
      ...importsOf('src/b.ts', "import { c } from './c.js'"),
      ...importsOf('src/c.ts', "import type { a } from './a.js'")
    ]
    expect(circlesIn(circle)).toEqual(['src/a.ts → src/b.ts → src/c.ts → src/a.ts'])
  })

  it('export nothing by the same name as another', () => {
    expect(namesTwice(texts)).toEqual([])
  })

  it('that export planted names twice are named', () => {
    const text = 'export interface Backoff {}\nexport async function retry() {}'
    expect(namesTwice([...texts, ['src/a.ts', text], ['src/b.ts', `${text}\nexport type Other = Backoff`]])).toEqual([
      'Backoff: src/a.ts, src/b.ts',
      'retry: src/a.ts, src/b.ts'
    ])
  })

  it('stay under 400 lines', () => {
    expect(texts.filter(([, text]) => text.split('\n').length > 400).map(([file]) => file)).toEqual([])
  })
})
