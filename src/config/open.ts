import { toStderr } from '../core/terminal.js'
import { type Environment, type FoundConfig, findConfig, isConfigOf } from './find.js'
import { type LoadedConfig, type LoadOptions, loadConfig } from './load.js'
import { readService, type Service } from './service.js'

export interface OpenOptions extends LoadOptions {
  /** Where the config was found, unless --config named it; standard error unless given. */
  tell?: (line: string) => void
  /** As readService answers; read from the box unless given. */
  service?: Service | null
}

export interface OpenedConfig extends LoadedConfig {
  found: FoundConfig
  /** The environment, with the service's folders where the config is the service's. */
  env: Environment
}

/**
 * Finds and reads the config of a command beside the service. Where it is the service's, the command takes the service's
 * folders and credentials unless its environment has its own.
 * @param given --config
 * @throws UsageError where there is none, ConfigError
 */
export async function openConfig(given: string | undefined, options: OpenOptions = {}): Promise<OpenedConfig> {
  const { tell = toStderr, service = readService() } = options
  const found = findConfig(given, options.env)
  if (found.by !== 'named by --config') tell(`config: ${found.file}, ${found.by}\n`)
  return openFound(found, { ...options, service })
}

/** As openConfig, of a config that is found already. */
export async function openFound(
  found: FoundConfig,
  { env = process.env, service = null, ...options }: OpenOptions
): Promise<OpenedConfig> {
  const own = isConfigOf(service, found.file) ? service : null
  const surroundings = { ...env, ...missingFrom(env, own?.folders ?? {}) }
  const loaded = await loadConfig(found.file, {
    ...options,
    env: surroundings,
    ...(own && { credentials: own.credentials })
  })
  return { ...loaded, found, env: surroundings }
}

const missingFrom = (env: Environment, folders: Record<string, string>): Environment =>
  Object.fromEntries(Object.entries(folders).filter(([name]) => !env[name]))
