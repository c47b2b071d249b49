/** `painlens config init`: a first config, from a few questions or from options. */
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { configOfBox, configToWrite, parseConfig } from '../../config/index.js'
import { DiskError, messageOf, UsageError } from '../../core/errors.js'
import { toStdout, type Write } from '../../core/terminal.js'
import { ownTerminal, Prompter, type Terminal } from '../prompter.js'
import { collectAnswers, type InitOptions, type Secret, type StoreName, stores } from './answers.js'
import { configText } from './template.js'

export interface ConfigInitOptions extends InitOptions {
  /** Ask nothing. */
  yes?: boolean
  /** Overwrite. */
  force?: boolean
}

/**
 * Asks for values that the options do not give, and writes the config and the files with its passwords (mode 0600, in
 * `secrets` beside it), after the config's own checks.
 * @returns 0
 * @throws UsageError (existing file, wrong or missing option, cancelled), DiskError
 */
export async function configInitCommand(
  options: ConfigInitOptions,
  signal: AbortSignal,
  { input, output }: Terminal = ownTerminal(),
  write: Write = toStdout
): Promise<number> {
  const file = configToWrite(options.config)
  if (!options.force) await refuseExisting(file)
  const prompter = options.yes ? null : new Prompter({ input, output }, 'painlens config init', signal)
  try {
    const answers = await collectAnswers({ ...options, config: file }, prompter)
    const command = `painlens check --config ${shown(file)}`
    const { text, secrets } = configText(answers, command)
    await parseConfig(text, file, everythingThere)
    const written = await writeAll(file, text, secrets, answers.store, options.force ?? false)
    write(`Written: ${written.map(shown).join(', ')}\n`)
    for (const secret of secrets) {
      const todo = stores[answers.store].todo(secret, file, handsOver(file))
      if (todo) write(`${todo}\n`)
    }
    if (!isInstalling()) write(nextSteps(answers.store, file, command))
    return 0
  } finally {
    prompter?.close()
  }
}

/** Set by install.sh, which hands credentials to the service by itself and checks at its end. */
const isInstalling = (): boolean => process.env.PAINLENS_INSTALLING === '1'

/** Whether install.sh writes the lines of LoadCredential for this config. */
const handsOver = (file: string): boolean => isInstalling() || file === configOfBox

/** Only systemd provides credentials; without the service, the check uses their folder instead. */
function nextSteps(store: StoreName, file: string, command: string): string {
  if (store !== 'credential') return `Now try it: ${command}\n`
  if (file === configOfBox) return 'Now start install.sh (again): it hands the passwords to the service, and checks.\n'
  return `Now try it: CREDENTIALS_DIRECTORY=${resolve(dirname(file), 'secrets')} ${command}\n`
}

/** An environment in which `Object.hasOwn` finds every variable. */
const anyVariable = { value: 'x', configurable: true, enumerable: true, writable: true }

/** The config may refer to files that do not exist yet. */
const everythingThere = {
  env: new Proxy<Record<string, string>>({}, { get: () => 'x', getOwnPropertyDescriptor: () => anyVariable }),
  readFile: async () => 'x',
  credentialsDir: '/'
}

/** Relative below the working folder, else absolute; relative to / it would lack its slash and read as another file. */
const shown = (file: string): string => {
  const short = relative(process.cwd(), file)
  return short.startsWith('..') || process.cwd() === '/' ? file : short
}

async function refuseExisting(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false
  )
  if (isThere) throw new UsageError('PL-INIT-EXISTS', 'there is a file already', file)
}

async function writeAll(
  file: string,
  text: string,
  secrets: readonly Secret[],
  store: StoreName,
  force: boolean
): Promise<string[]> {
  const flag = force ? 'w' : 'wx'
  const kept = secrets.flatMap((secret) => {
    const path = stores[store].file(secret, file)
    return path && secret.value !== null ? [{ path, text: `${secret.value}\n`, mode: 0o600 }] : []
  })
  const config = { path: file, text, mode: store === 'plain' ? 0o600 : 0o644 }
  const written: string[] = []
  for (const { path, text, mode } of [...kept, config]) {
    try {
      // The service runs as another user, who has to read the config, but not the passwords.
      await mkdir(dirname(file), { recursive: true, mode: 0o755 })
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      // Needed for an existing file, which keeps its mode.
      if (force) await rm(path, { force: true })
      await writeFile(path, text, { flag, mode })
      written.push(path)
    } catch (error) {
      for (const half of written) await rm(half, { force: true }).catch(() => undefined)
      throw cannotWrite(path, error)
    }
  }
  return written
}

function cannotWrite(path: string, error: unknown): Error {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code === 'EEXIST' && syscall === 'open')
    return new UsageError('PL-INIT-EXISTS', 'there is a file already', path, { fix: 'Move it away, or add --force.' })
  return new DiskError('PL-INIT-UNWRITABLE', `cannot be written (${messageOf(error)})`, path, { cause: error })
}
