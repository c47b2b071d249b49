import { join, resolve } from 'node:path'
import { packageRoot } from '../core/version.js'
import type { Config } from './schema.js'

/**
 * Makes every path of a config absolute: a relative one starts from the config file's folder, the outbox, the
 * alarm log, the page's state and the heatmaps in systemd's state folder where there is one, and the demonstration model in the installation.
 * @param given whether the file names a manifest
 */
export function withAbsolutePaths(
  config: Config,
  baseDir: string,
  given: boolean,
  env: Readonly<Record<string, string | undefined>>
): Config {
  const { mqtt, model, privacy, outbox, alarm_log, page } = config
  const stateDir = env.STATE_DIRECTORY?.split(':')[0] || baseDir
  const besideFile = (path: string | undefined): string | undefined => path && resolve(baseDir, path)
  return {
    ...config,
    mqtt: {
      ...mqtt,
      tls: mqtt.tls && {
        ...mqtt.tls,
        ca: besideFile(mqtt.tls.ca),
        cert: besideFile(mqtt.tls.cert),
        key: besideFile(mqtt.tls.key)
      }
    },
    cameras: config.cameras.map((camera) =>
      camera.tls ? { ...camera, tls: { ...camera.tls, ca: besideFile(camera.tls.ca) } } : camera
    ),
    model: {
      manifest: given ? resolve(baseDir, model.manifest) : join(packageRoot, model.manifest),
      face_models: besideFile(model.face_models) ?? join(packageRoot, 'models/face')
    },
    privacy: { ...privacy, save_heatmaps_to: privacy.save_heatmaps_to && resolve(stateDir, privacy.save_heatmaps_to) },
    page: {
      ...page,
      tls: page.tls && { cert: resolve(baseDir, page.tls.cert), key: resolve(baseDir, page.tls.key) },
      path: resolve(stateDir, page.path)
    },
    outbox: { ...outbox, path: resolve(stateDir, outbox.path) },
    alarm_log: { ...alarm_log, path: resolve(stateDir, alarm_log.path) }
  }
}
