import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder that package.json lies in, with a slash at its end. */
export const packageRoot = fileURLToPath(new URL('../../', import.meta.url))

/** painlens's version, as in package.json. */
export const version = (JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string }).version
