// What ships, and where: the one list that a release and the images are made from (stage.mjs reads it).

/** A release stands on a box, with what installs it; an image runs painlens and no more. */
export const kinds = ['release', 'image']

/** Compiled code without what only compilers and debuggers read. */
const forDevelopers = /\.(map|[cm]?tsx?|tsbuildinfo)$|(^|\/)\.built$/

/**
 * Files and folders of the checkout; `only` names the kind that has them, `without` what stays behind.
 * @type {readonly { path: string, only?: string, without?: RegExp }[]}
 */
export const files = [
  { path: 'dist', without: forDevelopers },
  { path: 'models', without: /^models\/cache(\/|$)/ },
  { path: 'config' },
  { path: 'LICENSE' },
  { path: 'README.md', only: 'release' },
  { path: 'CHANGELOG.md', only: 'release' },
  { path: 'docs', only: 'release' },
  { path: 'deploy/jetson', only: 'release', without: /\/(Dockerfile.*|pack\.sh)$/ },
  { path: 'deploy/docker/healthcheck.mjs', only: 'image' }
]

/** What has to be there before anything is copied: a build that is not whole ships nothing. */
export const built = [
  'dist/main.js',
  'dist/page/web/index.html',
  ...['finder', 'detector', 'landmarks'].map((name) => `models/face/${name}.onnx`)
]

/** Fields of package.json that a box reads; dependencies with them, for programs that look for known faults. */
export const packageFields = [
  'name',
  'version',
  'description',
  'license',
  'type',
  'private',
  'engines',
  'bin',
  'dependencies'
]

/** Packages that ship nowhere, though a package that ships depends on them, and why it does without. */
export const unshipped = {
  '@tensorflow/tfjs-node':
    'only its install script brings the library that it is nothing without; tfjs computes on wasm',
  '@tensorflow/tfjs-backend-cpu': 'compiled into the wasm backend already',
  '@webgpu/types': 'types',
  '@types/*': 'types',
  'adm-zip': 'for the install script of onnxruntime-node, which does not run',
  'global-agent': 'for the same script',
  'iconv-lite': 'for the programs of d3-dsv, which do not ship'
}

/** In no package does Node.js read these. */
export const unread = [
  /\.(map|[cm]?tsx?|flow|tsbuildinfo|gyp|cc|h)$/,
  /^(?!licen[cs]e|copying|notice)[^/]*\.(md|markdown)$/i,
  /^(tests?|__tests__|examples?|benchmarks?|bench|docs?|\.github)\//
]

/** Of these packages only what Node.js loads, beside package.json and licences; ARCH is the machine's. */
export const trimmed = {
  '@tensorflow/tfjs-core': [/^dist\/tf-core\.node\.js$/],
  '@tensorflow/tfjs-backend-wasm': [
    /^dist\/(tf-backend-wasm\.node\.js|[^/]*\.wasm)$/,
    /^wasm-out\/tfjs-backend-wasm-threaded-simd(\.worker)?\.js$/
  ],
  'onnxruntime-node': [/^dist\//, /^bin\/napi-v6\/linux\/ARCH\//],
  'onnxruntime-common': [/^dist\/(cjs|esm)\//],
  'classic-level': [/^[^/]*\.js$/, /^prebuilds\/linux-ARCH\//],
  '@fontsource/lato': [/^files\/lato-latin(-ext)?-(400|700)-normal\.woff$/],
  'opentype.js': [/^dist\/opentype\.js$/],
  '@observablehq/plot': [/^src\//],
  linkedom: [/^(esm|cjs|commonjs)\//],
  'ml-matrix': [/^matrix\.m?js$/],
  d3: [/^dist\/d3\.mjs$/],
  bintrees: [/^index\.js$/, /^lib\//],
  rxjs: [/^dist\/cjs\//]
}

/** Licences of what lies compiled inside a package, by SPDX's names, where the package itself does not bring the texts. */
export const insideLicences = {
  '@img/sharp-libvips-': [
    ...['LGPL-3.0-or-later', 'GPL-3.0-or-later', 'MPL-1.1', 'MIT', 'BSD-2-Clause', 'BSD-3-Clause'],
    ...['FTL', 'IJG', 'Libpng', 'libtiff', 'Zlib']
  ]
}

/** What to add about a package, in words. */
export const remarks = {
  'onnxruntime-node':
    'What is compiled into libonnxruntime.so: https://github.com/microsoft/onnxruntime/blob/vVERSION/ThirdPartyNotices.txt',
  preact: 'Compiled into the page (dist/page/web).',
  '@vladmandic/face-api': 'The face models (models/face) are made from the weights of this package.'
}

/** Packages that are not in node_modules, but what is made from them ships. */
export const madeFrom = ['@vladmandic/face-api', 'preact']
