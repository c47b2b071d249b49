import { join, resolve } from 'node:path'
import type { ErrorCode } from '../core/errors.js'

/** Where `${kind:name}` values come from; all three can be replaced in tests. */
export interface Sources {
  env: Readonly<Record<string, string | undefined>>
  readFile: (path: string) => Promise<string>
  /** The folder of systemd's LoadCredential= ($CREDENTIALS_DIRECTORY). */
  credentialsDir: string | undefined
  /** The folder of relative file names. */
  baseDir: string
}

/** A value, or why there is none. */
export type Substitute = { value: string } | { code: ErrorCode; problem: string }

/** Without another `${` inside, so that the time stays linear when many are never closed. */
const placeholder = /\$\{([A-Za-z_]+):((?:[^}$]|\$(?!\{))*)\}/g

/** Each `${kind:name}` in a text, as written. */
export const placeholdersIn = (text: string): string[] => text.match(placeholder) ?? []

const kinds: Record<string, (name: string, sources: Sources) => Promise<Substitute>> = {
  async env(name, { env }) {
    // Not what every object has: `constructor` is no variable.
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    return value === undefined
      ? { code: 'PL-CONFIG-ENV', problem: `the environment has no ${name}; set it, or write the value here` }
      : { value }
  },
  async file(name, sources) {
    return readValue(resolve(sources.baseDir, name), sources)
  },
  async credential(name, sources) {
    if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name))
      return {
        code: 'PL-CONFIG-CREDENTIAL',
        problem: `"${name}" is no name of a credential, allowed are letters, digits, _ . and -`
      }
    if (!sources.credentialsDir)
      return {
        code: 'PL-CONFIG-CREDENTIALS-DIRECTORY',
        problem: 'there is no $CREDENTIALS_DIRECTORY; credentials need systemd with LoadCredential= in the unit'
      }
    return readValue(join(sources.credentialsDir, name), sources)
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

async function readValue(path: string, { readFile }: Sources): Promise<Substitute> {
  try {
    return { value: (await readFile(path)).replace(/\r?\n$/, '') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const problem = `${path} cannot be read (${code ?? 'unknown reason'}); correct the name or its permissions`
    return { code: 'PL-CONFIG-PLACEHOLDER-FILE', problem }
  }
}

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
