import { jsonSchema } from './json-schema.js'
import { referencePage } from './reference.js'

/** The files generated from the config schema: contents by path in the package. */
export const configFiles: Readonly<Record<string, () => string>> = {
  'config/painlens.schema.json': () => `${JSON.stringify(jsonSchema, null, 2)}\n`,
  'docs/operate/config.md': referencePage
}
