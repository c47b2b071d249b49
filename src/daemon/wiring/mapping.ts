/** The config in the words of the stages' options. */

import type { Config } from '../../config/index.js'
import type { AlarmMessage } from '../../contract/messages.js'
import type { Clock } from '../../core/clock.js'
import type { Manifest } from '../../lib/model/manifest.js'
import type { AlarmOptions } from '../../stages/alarm/index.js'
import { type BrokerOptions, type ProtocolVersion, protocolVersions } from '../../stages/mqtt/index.js'

export function alarmOptions(config: Config, model: AlarmMessage['model'], clock: Clock): AlarmOptions {
  const { alarm, facility, cameras } = config
  return {
    cameras: Object.fromEntries(cameras.map(({ id, location }) => [id, location])),
    facility,
    rules: {
      onsetThreshold: alarm.onset_threshold,
      onsetS: alarm.onset_s,
      clearThreshold: alarm.clear_threshold,
      clearS: alarm.clear_s,
      smoothingS: alarm.smoothing_s,
      updateS: alarm.update_s,
      updateMinS: alarm.update_min_s,
      updatesPerS: alarm.updates_per_s,
      trackLostS: alarm.track_lost_s
    },
    priorities: alarm.priority,
    model,
    clock
  }
}

export function brokerOptions({ mqtt }: Config): BrokerOptions {
  const { url, username, password, client_id, tls, keepalive_s } = mqtt
  const certificates = tls && { ca: tls.ca, cert: tls.cert, key: tls.key, serverName: tls.server_name }
  return { url, username, password, clientId: client_id, tls: certificates, keepaliveS: keepalive_s }
}

/** Undefined: 5, and 3.1.1 where the broker refuses that. */
export function protocolVersion({ protocol }: Config['mqtt']): ProtocolVersion | undefined {
  return protocol === 'auto' ? undefined : protocolVersions[protocol]
}

/** The model as each alarm names it. */
export function modelOf({ name, sha256, demonstration }: Manifest): NonNullable<AlarmMessage['model']> {
  return { name, sha256, demonstration }
}
