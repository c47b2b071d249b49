/** Which devices a unit may open, as systemd from 247 on works it out (src/core/unit.c, unit_patch_contexts). */

/** What a unit's directives come to. */
export interface DevicePolicy {
  policy: 'auto' | 'closed' | 'strict'
  /** Device files, or `char-GROUP` after /proc/devices. */
  allow: string[]
  /** Directives that take the device files themselves away, or the right that a group gives. */
  hidden: string[]
}

type Effect = (policy: DevicePolicy, value: string, version: number) => void

interface Directive {
  /** The version that knows it; before that it is ignored. */
  since: number
  effect?: Effect
}

const isOn = (value: string): boolean => /^(1|yes|y|true|t|on)$/i.test(value)
const allow =
  (device: string, from = 0, to = Number.POSITIVE_INFINITY, wanted: (value: string) => boolean = isOn): Effect =>
  (policy, value, version) => {
    if (wanted(value) && version >= from && version < to) policy.allow.push(device)
  }
const hide =
  (name: string, wanted: (value: string) => boolean): Effect =>
  (policy, value) => {
    if (wanted(value)) policy.hidden.push(name)
  }
const anything = (value: string): boolean => value !== ''
const belowDev = (value: string): boolean => value.split(/\s+/).some((path) => /^[-+]*\/dev(\/|:|$)/.test(path))

/** All that bear on devices. */
const deviceDirectives: Record<string, Directive> = {
  DevicePolicy: {
    since: 208,
    effect: (policy, value) => {
      policy.policy = value as DevicePolicy['policy']
    }
  },
  DeviceAllow: {
    since: 208,
    effect: (policy, value) => {
      if (value === '') policy.allow = []
      else policy.allow.push(value.split(/\s+/)[0]!)
    }
  },
  // systemd 252: "core: allow-list char-rtc with ProtectClock=yes only if needed".
  ProtectClock: { since: 245, effect: allow('char-rtc', 245, 252) },
  // The stable branches of 250 and 251 got the TPM's row without the condition.
  LoadCredentialEncrypted: { since: 250, effect: allow('/dev/tpmrm0', 250, 252, anything) },
  SetCredentialEncrypted: { since: 250, effect: allow('/dev/tpmrm0', 250, 252, anything) },
  PrivateDevices: { since: 209, effect: hide('PrivateDevices', isOn) },
  PrivateUsers: { since: 232, effect: hide('PrivateUsers', (value) => isOn(value) || /^(self|identity)$/.test(value)) },
  InaccessiblePaths: { since: 231, effect: hide('InaccessiblePaths', belowDev) },
  TemporaryFileSystem: { since: 238, effect: hide('TemporaryFileSystem', belowDev) },
  RootDirectory: { since: 1, effect: hide('RootDirectory', anything) },
  RootImage: { since: 233, effect: hide('RootImage', anything) }
}

/** The unit's other directives, by the version that knows them; none bears on devices. */
const others: Record<string, number> = {
  ...{
    Type: 1,
    NotifyAccess: 1,
    ExecStart: 1,
    ExecReload: 1,
    Restart: 1,
    RestartSec: 1,
    RestartPreventExitStatus: 189
  },
  ...{ TimeoutStartSec: 188, TimeoutStopSec: 188, WatchdogSec: 179, User: 1, Group: 1, SupplementaryGroups: 1 },
  ...{ LoadCredential: 247, StateDirectory: 235, StateDirectoryMode: 235, UMask: 1, WorkingDirectory: 1 },
  ...{ RuntimeDirectory: 211, RuntimeDirectoryMode: 211 },
  ...{ Environment: 1, NoNewPrivileges: 187, ProtectSystem: 214, ProtectHome: 214, PrivateTmp: 1, PrivateMounts: 239 },
  ...{ ProtectProc: 247, ProtectHostname: 242, ProtectControlGroups: 232, ProtectKernelLogs: 244 },
  ...{ ProtectKernelModules: 232, ProtectKernelTunables: 232, RestrictAddressFamilies: 211 },
  ...{ RestrictNamespaces: 233, RestrictRealtime: 231, RestrictSUIDSGID: 242, LockPersonality: 235, RemoveIPC: 232 },
  ...{ CapabilityBoundingSet: 1, AmbientCapabilities: 229, SystemCallArchitectures: 209, SystemCallFilter: 187 },
  ...{ SystemCallErrorNumber: 209, KeyringMode: 235, LimitCORE: 1 }
}

/** From which systemd on a directive of [Service] is known; undefined for one that is in neither table. */
export const knownSince = (name: string): number | undefined => deviceDirectives[name]?.since ?? others[name]

/** The directives of [Service], in order, with lines that `\` continues joined. */
export function serviceDirectives(unit: string): [name: string, value: string][] {
  const found: [string, string][] = []
  let section = ''
  for (const line of unit.replaceAll('\\\n', ' ').split('\n')) {
    const text = line.trim()
    if (/^\[.*\]$/.test(text)) section = text
    const at = text.indexOf('=')
    if (section === '[Service]' && at > 0 && !/^[#;]/.test(text))
      found.push([text.slice(0, at).trim(), text.slice(at + 1).trim()])
  }
  return found
}

/** What such a systemd makes of the unit. */
export function devicePolicy(unit: string, version: number): DevicePolicy {
  const policy: DevicePolicy = { policy: 'auto', allow: [], hidden: [] }
  for (const [name, value] of serviceDirectives(unit)) {
    const directive = deviceDirectives[name]
    if (directive && directive.since <= version) directive.effect?.(policy, value, version)
  }
  return policy
}

export interface DeviceNode {
  path: string
  /** As /proc/devices calls its major number. */
  group: string
}

/** What keeps the unit from opening the device; undefined when nothing does. */
export function turnedAway({ policy, allow, hidden }: DevicePolicy, { path, group }: DeviceNode): string | undefined {
  if (hidden.length > 0) return `${hidden.join(', ')}: ${path} is not to be had inside`
  if (policy === 'auto' && allow.length === 0) return undefined
  const allowed = allow.some((rule) => rule === path || matches(rule, `char-${group}`))
  return allowed ? undefined : `DevicePolicy ${policy}, DeviceAllow ${allow.join(', ') || 'none'}: not ${path}`
}

/** `char-nvidia*` is a pattern. */
const matches = (rule: string, name: string): boolean =>
  new RegExp(
    `^${rule
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`
  ).test(name)
