import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import type { z } from 'zod'
import { type InputError, messageOf } from '../core/errors.js'
import { readShape } from '../core/shapes.js'
import { decoded } from './csv.js'

/**
 * Reads a YAML file that an earlier step has written, and that people may have changed.
 * @param refused makes the error that is thrown where it cannot be read, is not YAML, or has a key or a value that the schema refuses
 */
export async function yamlIn<T>(
  file: string,
  schema: z.ZodType<T>,
  refused: (what: string, cause?: unknown) => InputError
): Promise<T> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw refused(`cannot be read (${error.code})`, error)
  })
  const read = readShape(schema, yamlOf(decoded(bytes), refused))
  if ('problem' in read) throw refused(`it is not what painlens study writes (${read.problem})`)
  return read.value
}

function yamlOf(text: string, refused: (what: string, cause?: unknown) => InputError): unknown {
  try {
    return parse(text, { logLevel: 'error' })
  } catch (error) {
    throw refused(`it is not YAML (${messageOf(error).split('\n')[0]})`, error)
  }
}
