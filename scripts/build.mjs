// Compiles src into dist, the page's files for browsers into dist/page/web and the tools into tools/dist, and removes what earlier builds left of sources that are gone.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Where TypeScript lies and what is made of it. The tools come last: they import from what is made of src. */
const webOutput = join('dist', 'page', 'web')
const projects = [
  { config: 'tsconfig.json', sources: 'src', output: 'dist', except: webOutput },
  {
    config: join('src', 'page', 'web', 'tsconfig.json'),
    sources: join('src', 'page', 'web'),
    output: webOutput,
    bundle: true
  },
  { config: join('tools', 'tsconfig.json'), sources: 'tools', output: join('tools', 'dist') }
]

/**
 * Builds what is older than its sources.
 * @throws Error with the compiler's messages
 */
export function build() {
  for (const project of projects) if (existsSync(project.config)) buildProject(project)
}

function buildProject({ config, sources, output, except, bundle }) {
  const marker = join(output, '.built')
  const startedAt = new Date()
  const inputs = [...newestTimes(sources, output), ...['package.json', 'tsconfig.json', config].map(timeOf)]
  if (bundle) inputs.push(...bundledTimes(marker))
  if (existsSync(marker) && timeOf(marker) > Math.max(...inputs)) return
  const compiler = [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', config]
  if (!bundle) removeOrphans(sources, output, except)
  const said = run('The compiler', sources, bundle ? [...compiler, '--listFiles'] : compiler)
  // It empties the output first.
  if (bundle) run('Vite', sources, [join('node_modules', 'vite', 'bin', 'vite.js'), 'build', sources])
  mkdirSync(output, { recursive: true })
  writeFileSync(marker, said)
  // A source that changes while the compiler runs is compiled again next time.
  utimesSync(marker, startedAt, startedAt)
}

function run(name, sources, words) {
  const child = spawnSync(process.execPath, words, { encoding: 'utf8' })
  if (child.error) throw child.error
  if (child.status !== 0) throw new Error(`${name} refuses ${sources}:\n${child.stdout}${child.stderr}`)
  return child.stdout
}

/** A bundle holds files from beside its folder, too: when those changed that the compiler listed in the marker. What has gone has changed. */
function bundledTimes(marker) {
  const listed = existsSync(marker) ? readFileSync(marker, 'utf8').split('\n') : []
  const own = listed.filter((path) => path !== '' && !path.includes('node_modules'))
  // A marker of an earlier version has no list.
  return own.length === 0
    ? [Number.POSITIVE_INFINITY]
    : own.map((path) => (existsSync(path) ? timeOf(path) : Number.POSITIVE_INFINITY))
}

/** Compiled files whose source was moved or deleted would be packed, and imported, for ever. */
function removeOrphans(sources, output, except) {
  for (const path of filesBelow(output)) {
    if (except && path.startsWith(except)) continue
    const stem = path.slice(output.length + 1).match(/^(.*?)\.(?:js|js\.map|d\.ts|d\.ts\.map)$/)?.[1]
    if (stem && !existsSync(join(sources, `${stem}.ts`))) rmSync(path)
  }
}

function filesBelow(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

/** Of folders, too: a file that was deleted changes the time of its folder only. */
function newestTimes(folder, except) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (path === except) return []
    return entry.isDirectory() ? [timeOf(path), ...newestTimes(path, except)] : [timeOf(path)]
  })
}

function timeOf(path) {
  return statSync(path).mtimeMs
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    build()
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}
