import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a command takes over from the installed service, so that it sees what the service sees. */
export interface Service {
  /** The unit's file. */
  unit: string
  /** The config that the service reads. */
  config: string
  /** As systemd would set them: STATE_DIRECTORY, RUNTIME_DIRECTORY. */
  folders: Record<string, string>
  /** The files of LoadCredential=, by the credential's name. */
  credentials: ReadonlyMap<string, string>
}

/** Where install.sh puts units. */
const unitsOfBox = '/etc/systemd/system'
const configOfUnit = '/etc/painlens/painlens.yaml'

export const isSet = (text: string | undefined): text is string => text !== undefined && text !== ''

/**
 * Reads painlens.service and its drop-ins as systemd does, as far as a command needs it.
 * @returns null where the service is not installed
 */
export function readService(units = unitsOfBox): Service | null {
  const unit = join(units, 'painlens.service')
  const text = readOr(unit, null)
  if (text === null) return null
  const dropIns = foldersOf(`${unit}.d`).map((file) => readOr(file, ''))
  const settings = [text, ...dropIns].flatMap((part) => settingsIn(part ?? ''))
  const all = (name: string): string[] => valuesOf(settings, name)
  const started = all('ExecStart').at(-1) ?? ''
  const [, config] = /\s(?:--config[= ]|-c\s*)(\S+)/.exec(started) ?? []
  const environment = all('Environment').join(' ')
  const [, fromEnvironment] = /(?:^|[\s"])PAINLENS_CONFIG=([^\s"]+)/.exec(environment) ?? []
  const [state, runtime] = [all('StateDirectory').at(-1), all('RuntimeDirectory').at(-1)]
  return {
    unit,
    config: config ?? fromEnvironment ?? configOfUnit,
    folders: {
      ...(isSet(state) && { STATE_DIRECTORY: join('/var/lib', state) }),
      ...(isSet(runtime) && { RUNTIME_DIRECTORY: join('/run', runtime) })
    },
    credentials: new Map(all('LoadCredential').flatMap(credentialOf))
  }
}

/** `NAME:/path`. */
function credentialOf(value: string): [string, string][] {
  const [, name, path] = /^([^:]+):(\/.+)$/.exec(value) ?? []
  return isSet(name) && isSet(path) ? [[name, path]] : []
}

/** An empty value takes back those before it. */
function valuesOf(settings: readonly (readonly [string, string])[], wanted: string): string[] {
  const values: string[] = []
  for (const [name, value] of settings)
    if (name === wanted) {
      if (value === '') values.length = 0
      else values.push(value)
    }
  return values
}

/** The lines of [Service]; those that a backslash continues are joined first. */
function settingsIn(text: string): [string, string][] {
  let section = ''
  const found: [string, string][] = []
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const [, head] = /^\[(.+)\]\s*$/.exec(line) ?? []
    section = head ?? section
    const [, name, value] = /^\s*([A-Za-z]+)=(.*)$/.exec(line) ?? []
    if (section === 'Service' && name !== undefined) found.push([name, value!.trim()])
  }
  return found
}

function foldersOf(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.conf'))
    return names.sort().map((name) => join(folder, name))
  } catch {
    return []
  }
}

function readOr<T>(file: string, fallback: T): string | T {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return fallback
  }
}
