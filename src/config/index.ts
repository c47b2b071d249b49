/** The config file: one schema; all errors are reported together. */

export { allowedBy, jsonSchema, type SchemaNode, schemaAt } from './json-schema.js'
export { type LoadedConfig, type LoadOptions, loadConfig, parseConfig } from './load.js'
export type { CameraConfig, Config } from './schema.js'
export { splitLoginOff, urlProblem } from './url.js'
