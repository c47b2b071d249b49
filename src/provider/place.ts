/** Where onnxruntime-node keeps its native files, and the folders beside them that a change needs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ProviderError } from '../core/errors.js'

/**
 * All in one folder, so that each change is a rename. painlens loads `current`; onnxruntime-node ignores the others.
 */
export interface Place {
  /** onnxruntime-node's version: `1.29.0`. */
  version: string
  napi: number
  /** `…/onnxruntime-node/bin/napi-v6/linux`. */
  folder: string
  /** `…/linux/arm64`: the files that onnxruntime-node loads. */
  current: string
  /** The build before the last change. */
  previous: string
  /** The next `current`, being unpacked or proved. */
  staged: string
  /** The old `current`, until the change is proved. */
  displaced: string
  /** A `previous` or a `staged` that is being deleted. */
  discarded: string
  /** Exists during a change, and after an interrupted one. */
  journal: string
}

/** onnxruntime-node as painlens itself finds it, symlinks resolved; found without loading it. */
function installedPackage(): string {
  return join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '..')
}

/**
 * @param packageFolder onnxruntime-node's folder
 * @throws ProviderError when it is not laid out as onnxruntime-node is
 */
export function providerPlace(packageFolder = installedPackage()): Place {
  const bin = join(packageFolder, 'bin')
  const [napi, ...others] = existsSync(bin) ? readdirSync(bin).filter((name) => /^napi-v\d+$/.test(name)) : []
  if (!napi || others.length > 0)
    throw new ProviderError('PL-INSTALL-LAYOUT', 'onnxruntime-node is not laid out as painlens knows it', packageFolder)
  const folder = join(bin, napi, process.platform)
  const current = join(folder, process.arch)
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  return {
    version,
    napi: Number(napi.slice('napi-v'.length)),
    folder,
    current,
    previous: `${current}.previous`,
    staged: `${current}.new`,
    displaced: `${current}.old`,
    discarded: `${current}.discarded`,
    journal: `${current}.change.json`
  }
}
