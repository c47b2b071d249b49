import { dirname, resolve } from 'node:path'
import { type Document, isScalar, visit } from 'yaml'
import { ConfigError } from '../core/errors.js'
import { crossChecks } from './cross-checks.js'
import { withAbsolutePaths } from './paths.js'
import { issueProblems, problemLines, valueAt } from './problems.js'
import { readText } from './read-text.js'
import { type Config, configSchema } from './schema.js'
import { encodingProblem, fetchSubstitutes, placeholdersIn, type Sources } from './substitute.js'
import { parseYaml, type Tree, TreeReader } from './tree.js'
import { passwordsOf } from './url.js'

export interface LoadOptions {
  /** Default: the process's. */
  env?: Readonly<Record<string, string | undefined>>
  /** Reads the config and what `${file:…}` and `${credential:…}` name, as UTF-8. */
  readFile?: (path: string) => Promise<string>
  /** Default: $CREDENTIALS_DIRECTORY of env. */
  credentialsDir?: string
  /** The service's credentials, each with its file, for a command that systemd has not handed them to. */
  credentials?: ReadonlyMap<string, string>
  /** False for a command that uses no password: one that cannot be had is no problem then. Default: true. */
  needsPasswords?: boolean
}

export interface LoadedConfig {
  /** Complete with defaults; every path in it is absolute. */
  config: Config
  /** Passwords, and all that `${file:…}` and `${credential:…}` (in URLs and passwords also `${env:…}`) inserted. */
  secrets: string[]
  /** The config file, absolute. */
  file: string
  /** Its folder, the base of relative paths. */
  baseDir: string
}

const unreadable: Record<string, string> = {
  ENOENT: 'it does not exist',
  EISDIR: 'it is a folder',
  EFBIG: 'it has more than 1 MiB',
  ETIMEDOUT: 'it is a pipe or a device that gives nothing'
}

/**
 * Reads a config file.
 * @throws ConfigError naming every problem at once, each with line:column, or that the file cannot be read
 */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const path = resolve(file)
  const readFile = options.readFile ?? ((name: string) => readText(name))
  let text: string
  try {
    text = await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES') throw new ConfigError('PL-CONFIG-DENIED', path, ['this user may not read it'])
    const why = unreadable[code ?? ''] ?? code ?? 'unknown reason'
    throw new ConfigError('PL-CONFIG-UNREADABLE', path, [`it cannot be read: ${why}`])
  }
  return parseConfig(text, path, { ...options, readFile })
}

/**
 * Checks a config file's text.
 * @param file for messages, and for its folder, where relative paths begin
 * @throws ConfigError as loadConfig
 */
export async function parseConfig(text: string, file: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const env = options.env ?? process.env
  const path = resolve(file)
  const baseDir = dirname(path)
  // YAML allows a byte order mark in front.
  const encoding = encodingProblem(text.replace(/^\ufeff/, ''))
  if (encoding) throw new ConfigError('PL-CONFIG-ENCODING', path, [`1:1 ${encoding} [PL-CONFIG-ENCODING]`])
  const { document, lines, problems } = parseYaml(text)
  if (problems.length > 0) throw new ConfigError('PL-CONFIG-INVALID', path, problemLines(problems, lines))

  const substitutes = await fetchSubstitutes(placeholdersOf(document), {
    env,
    readFile: options.readFile ?? ((name: string) => readText(name)),
    credentialsDir: options.credentialsDir ?? env.CREDENTIALS_DIRECTORY,
    credentials: options.credentials,
    baseDir
  } satisfies Sources)
  const tree = new TreeReader(document, substitutes, options.needsPasswords ?? true).read()
  // What was not read would count as missing, thousands of times.
  const beyond = tree.problems.filter(({ code }) => code === 'PL-CONFIG-NESTED')
  if (beyond.length > 0) throw new ConfigError('PL-CONFIG-INVALID', path, problemLines(beyond.slice(0, 1), lines))
  const parsed = configSchema.safeParse(tree.value ?? {})
  const found = [
    ...tree.problems,
    ...(parsed.success ? [] : issueProblems(parsed.error.issues, tree)),
    ...crossChecks(tree)
  ]
  if (!parsed.success || found.length > 0) throw new ConfigError('PL-CONFIG-INVALID', path, problemLines(found, lines))

  const manifestGiven = valueAt(tree.value, ['model', 'manifest']) !== undefined
  return {
    config: withAbsolutePaths(parsed.data, baseDir, manifestGiven, env),
    secrets: [...new Set([...tree.secrets, ...secretsIn(tree, parsed.data)])].filter(Boolean),
    file: path,
    baseDir
  }
}

function placeholdersOf(document: Document): string[] {
  const found: string[] = []
  visit(document, {
    Scalar(key, node) {
      if (key !== 'key' && isScalar(node) && typeof node.value === 'string') found.push(...placeholdersIn(node.value))
    }
  })
  return found
}

/** The passwords in a config, also those written in it directly; as written and as used. */
function secretsIn(tree: Tree, { mqtt, cameras, http, page }: Config): string[] {
  const written = [['mqtt', 'url'], ...cameras.map((_, i) => ['cameras', i, 'url'])].map((path) =>
    valueAt(tree.value, path)
  )
  const used = [mqtt.url, ...cameras.map(({ url }) => url)]
  const plain = [mqtt.password, http.token, page.tokens.ward, page.tokens.technician].map((value) => value ?? '')
  return [...plain, ...[...written, ...used].flatMap((url) => passwordsOf(String(url)))]
}
