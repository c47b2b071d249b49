import { join, resolve } from 'node:path'
import type { ErrorCode } from '../core/errors.js'

/** Where `${kind:name}` values come from; all three can be replaced in tests. */
export interface Sources {
  env: Readonly<Record<string, string | undefined>>
  readFile: (path: string) => Promise<string>
  /** The folder of systemd's LoadCredential= ($CREDENTIALS_DIRECTORY). */
  credentialsDir: string | undefined
  /** Where there is no such folder: the service's credentials, each with its file. */
  credentials?: ReadonlyMap<string, string> | undefined
  /** The folder of relative file names. */
  baseDir: string
}

/** A placeholder's value, or why it has none. */
export type Substitute = { value: string } | { code: ErrorCode; problem: string }

/** Without another `${` inside, so that the time stays linear when many are never closed. */
const placeholder = /\$\{([A-Za-z_]+):((?:[^}$]|\$(?!\{))*)\}/g
const opened = /\$\{([A-Za-z_]{1,20}):/

/** Each `${kind:name}` in a text, as written. */
export const placeholdersIn = (text: string): string[] => text.match(placeholder) ?? []

/** The kind of a placeholder that is opened and not closed, or null: it would be taken for the value itself. */
export const unterminatedIn = (text: string): string | null => opened.exec(text.replace(placeholder, ''))?.[1] ?? null

/** What is wrong with the encoding of a text that was read as UTF-8, or null. */
export function encodingProblem(text: string): string | null {
  if (text.startsWith('\ufeff'))
    return "it begins with a byte order mark; save it as UTF-8 without BOM: sed -i '1s/^\\xEF\\xBB\\xBF//' FILE"
  if (text.includes('\0')) return 'it is UTF-16, or no text; save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE'
  if (text.includes('\ufffd')) return 'it is not UTF-8; save it as UTF-8: iconv -f LATIN1 -t UTF-8 FILE'
  return null
}

const kinds: Record<string, (name: string, sources: Sources) => Promise<Substitute>> = {
  async env(name, { env }) {
    // Own properties only: `constructor` is no variable.
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    return value === undefined
      ? { code: 'PL-CONFIG-ENV', problem: `the environment has no ${name}; set it, or write the value here` }
      : { value }
  },
  async file(name, sources) {
    return readSecretFile(resolve(sources.baseDir, name), sources.readFile)
  },
  async credential(name, sources) {
    const { credentialsDir, credentials } = sources
    if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name))
      return {
        code: 'PL-CONFIG-CREDENTIAL',
        problem: `"${name}" is no name of a credential, allowed are letters, digits, _ . and -`
      }
    const ofService = credentials?.get(name)
    if (credentialsDir) return readSecretFile(join(credentialsDir, name), sources.readFile)
    if (ofService !== undefined) return readSecretFile(ofService, sources.readFile)
    return {
      code: 'PL-CONFIG-CREDENTIALS-DIRECTORY',
      problem: credentials
        ? `the service's unit has no LoadCredential=${name}; put the file into /etc/painlens/secrets and start install.sh again`
        : 'there is no $CREDENTIALS_DIRECTORY; credentials need systemd with LoadCredential= in the unit'
    }
  }
}

/**
 * Fetches the values of placeholders. Files lose one trailing newline, which editors add.
 * @param placeholders as from placeholdersIn
 * @returns what stands for each
 */
export async function fetchSubstitutes(
  placeholders: Iterable<string>,
  sources: Sources
): Promise<Map<string, Substitute>> {
  const found = new Map<string, Substitute>()
  for (const text of new Set(placeholders)) {
    const [, kind, name] = /^\$\{([^:]+):(.*)\}$/s.exec(text)!
    const fetch = Object.hasOwn(kinds, kind!) ? kinds[kind!] : undefined
    found.set(
      text,
      fetch
        ? await fetch(name!, sources)
        : {
            code: 'PL-CONFIG-PLACEHOLDER',
            problem: `"${kind}" is unknown, allowed are \${env:NAME}, \${file:/path} and \${credential:NAME}`
          }
    )
  }
  return found
}

/** The value that a file holds, such as a password, without one newline at its end; or why it has none. */
export async function readSecretFile(path: string, readFile: Sources['readFile']): Promise<Substitute> {
  try {
    const value = (await readFile(path)).replace(/\r?\n$/, '')
    const wrong = value === '' ? 'it is empty; write the value into it' : encodingProblem(value)
    return wrong === null
      ? { value }
      : { code: 'PL-CONFIG-SECRET-FILE', problem: `of ${path}: ${wrong.replace('FILE', path)}` }
  } catch (error) {
    return { code: 'PL-CONFIG-PLACEHOLDER-FILE', problem: unreadable(path, (error as NodeJS.ErrnoException).code) }
  }
}

const unreadable = (path: string, code = 'unknown reason'): string =>
  code === 'EACCES'
    ? `this user may not read ${path}; start the command as the service's user: sudo -u painlens painlens …, or sudo painlens check`
    : `${path} cannot be read (${code}); correct the name or its permissions`

/**
 * Replaces placeholders by values. In a URL's user name and password they are percent-encoded, so that a
 * file can hold a password as it is.
 * @param values value by placeholder; a placeholder that is not among them stays
 */
export function fillIn(template: string, values: ReadonlyMap<string, string>): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(template)?.[0]
  const credentialsEnd = scheme ? template.lastIndexOf('@') : -1
  return template.replace(placeholder, (match: string, _kind, _name, offset: number) => {
    const value = values.get(match)
    if (value === undefined) return match
    return offset < credentialsEnd ? encodeURIComponent(value) : value
  })
}
