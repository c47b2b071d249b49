import { accessSync, constants, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from '../core/errors.js'
import { isSet, type Service } from './service.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the config of an installed box lies. */
export const configOfBox = '/etc/painlens/painlens.yaml'
const inWorkingFolder = 'painlens.yaml'

export interface FoundConfig {
  /** Absolute. */
  file: string
  /** Where it was found, in words: the option, the variable, or a folder. */
  by: string
  /** Whether it was named, by --config or $PAINLENS_CONFIG. */
  named: boolean
}

/** The order in words, for help texts and pages. */
export const configOrder = '$PAINLENS_CONFIG, ./painlens.yaml, /etc/painlens/painlens.yaml'

/**
 * The one order in which every command looks for its config. A file that is there and may not be read is taken, too: to pass
 * over it would mean another config than the one that was meant.
 * @param given --config
 * @throws UsageError where there is none
 */
export function findConfig(given: string | undefined, env: Environment = process.env): FoundConfig {
  const named = namedConfig(given, env)
  if (named) return named
  const places = [
    { file: resolve(inWorkingFolder), by: 'found in the working folder' },
    { file: configOfBox, by: "the box's own" }
  ]
  const found = places.find(({ file }) => isThere(file))
  if (found) return { ...found, named: false }
  throw new UsageError('PL-CONFIG-NONE', `there is none, neither ${places[0]!.file} nor ${configOfBox}`, 'config')
}

/** The file that `config init` writes: by the same order, but the working folder's is taken whether it is there or not. */
export const configToWrite = (given: string | undefined, env: Environment = process.env): string =>
  namedConfig(given, env)?.file ?? resolve(inWorkingFolder)

function namedConfig(given: string | undefined, env: Environment): FoundConfig | null {
  if (given !== undefined) return { file: resolve(given), by: 'named by --config', named: true }
  const { PAINLENS_CONFIG: named } = env
  return isSet(named) ? { file: resolve(named), by: 'named by $PAINLENS_CONFIG', named: true } : null
}

function isThere(file: string): boolean {
  try {
    accessSync(file, constants.F_OK)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}

/** Whether a file is the one that the service reads, by another name perhaps. */
export const isConfigOf = (service: Service | null, file: string): boolean =>
  service !== null && isSameFile(service.config, file)

/** Also by another name, such as that of a link. */
export const isSameFile = (a: string, b: string): boolean => realPath(a) === realPath(b)

function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return resolve(file)
  }
}
