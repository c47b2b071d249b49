/** The config file: one schema; all errors are reported together. */

export {
  configOfBox,
  configToWrite,
  type FoundConfig,
  findConfig,
  isConfigOf,
  isSameFile
} from './find.js'
export { jsonSchema, schemaAt } from './json-schema.js'
export { type LoadOptions, loadConfig, parseConfig } from './load.js'
export { type OpenedConfig, openConfig, openFound } from './open.js'
export { type CameraConfig, type Config, isDeviceName } from './schema.js'
export { readService, type Service } from './service.js'
export { readSecretFile } from './substitute.js'
export { splitLoginOff, urlProblem } from './url.js'
