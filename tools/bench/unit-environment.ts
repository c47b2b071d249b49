/** What the systemd unit sets in the environment of painlens, for measurements of the daemon as it runs on a device. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '#painlens/core/version.js'

/** The variables of the lines `Environment=` of deploy/jetson/painlens.service, whose values have no spaces. */
export function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(join(packageRoot, 'deploy/jetson/painlens.service'), 'utf8')
  const lines = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, line]) => line!.split(' '))
  return Object.fromEntries(lines.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]))
}
