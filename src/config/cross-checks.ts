import { usesGamma } from '../lib/lrp/composites.js'
import { explanationSchema } from './explanation.js'
import { positionOf, valueAt } from './problems.js'
import { alarmSchema } from './schema.js'
import type { ConfigProblem, Path, Tree } from './tree.js'
import { isThisDevice } from './url.js'

/** Checks across several values. They read the raw values, so their problems are reported together with all others. */
const checks: readonly ((tree: Tree) => ConfigProblem[])[] = [
  differentCameraIds,
  differentZoneNames,
  clearBelowOnset,
  framesOftenEnough,
  tlsFits,
  cameraTlsFits,
  videoTrackFits,
  userForPassword,
  tokenForNetwork,
  tokensOfPage,
  gammaFits,
  sessionFits
]

export const crossChecks = (tree: Tree): ConfigProblem[] => checks.flatMap((check) => check(tree))

function differentCameraIds(tree: Tree): ConfigProblem[] {
  return repeated(tree, ['cameras'], 'id', 'a different id for each camera')
}

function differentZoneNames(tree: Tree): ConfigProblem[] {
  return listAt(tree, ['cameras']).flatMap((_, i) =>
    repeated(tree, ['cameras', i, 'zones'], 'name', 'a different name for each zone of a camera')
  )
}

/** A problem for each item of a list whose `key` an earlier one has. */
function repeated(tree: Tree, list: Path, key: string, allowed: string): ConfigProblem[] {
  const first = new Map<string, number>()
  return listAt(tree, list).flatMap((_, i) => {
    const path = [...list, i, key]
    const value = valueAt(tree.value, path)
    if (typeof value !== 'string') return []
    const earlier = first.get(value)
    if (earlier === undefined) first.set(value, i)
    if (earlier === undefined) return []
    const message = `found ${JSON.stringify(value)}, which number ${earlier + 1} of the list has already, allowed is ${allowed}`
    return [{ at: positionOf(path, tree).value, path, code: 'PL-CONFIG-TWICE', message }]
  })
}

function listAt(tree: Tree, path: Path): unknown[] {
  const value = valueAt(tree.value, path)
  return Array.isArray(value) ? value : []
}

function clearBelowOnset(tree: Tree): ConfigProblem[] {
  const thresholds = alarmSchema.pick({ onset_threshold: true, clear_threshold: true }).strip()
  const { data } = thresholds.safeParse(valueAt(tree.value, ['alarm']) ?? {})
  if (!data || data.clear_threshold < data.onset_threshold) return []
  const given = valueAt(tree.value, ['alarm', 'clear_threshold']) !== undefined
  const path = ['alarm', given ? 'clear_threshold' : 'onset_threshold']
  const message = `found clear_threshold ${data.clear_threshold} and onset_threshold ${data.onset_threshold}, allowed is a clear_threshold below onset_threshold (else an alarm would end as it begins)`
  return [{ at: positionOf(path, tree).value, path, code: 'PL-CONFIG-THRESHOLDS', message }]
}

/** A face must be in at least two frames before it can count as lost. */
function framesOftenEnough(tree: Tree): ConfigProblem[] {
  const { data } = alarmSchema
    .pick({ track_lost_s: true })
    .strip()
    .safeParse(valueAt(tree.value, ['alarm']) ?? {})
  if (!data) return []
  return listAt(tree, ['cameras']).flatMap((_, i) => {
    const path = ['cameras', i, 'fps']
    const fps = valueAt(tree.value, path)
    const least = 2 / data.track_lost_s
    if (typeof fps !== 'number' || fps >= least) return []
    const message = `found ${fps}, allowed is at least ${least.toFixed(2)} with alarm.track_lost_s ${data.track_lost_s} (else each face is lost between two frames)`
    return [{ at: positionOf(path, tree).value, path, code: 'PL-CONFIG-FPS', message }]
  })
}

function tlsFits(tree: Tree): ConfigProblem[] {
  const url = valueAt(tree.value, ['mqtt', 'url'])
  const tls = valueAt(tree.value, ['mqtt', 'tls'])
  if (tls === null || typeof tls !== 'object') return []
  const path = ['mqtt', 'tls']
  const at = positionOf(path, tree).key
  const problems: ConfigProblem[] = []
  if (typeof url === 'string' && /^(mqtt|ws):/i.test(url))
    problems.push({
      at,
      path,
      code: 'PL-CONFIG-TLS-UNUSED',
      message: 'found certificates for an unencrypted url, allowed is tls with mqtts:// or wss://'
    })
  if ('cert' in tls !== 'key' in tls)
    problems.push({
      at,
      path,
      code: 'PL-CONFIG-TLS-PAIR',
      message: 'found one of cert and key, allowed are both or neither'
    })
  return problems
}

function cameraTlsFits(tree: Tree): ConfigProblem[] {
  return listAt(tree, ['cameras']).flatMap((_, i) => {
    const path = ['cameras', i, 'tls']
    const tls = valueAt(tree.value, path)
    const url = valueAt(tree.value, ['cameras', i, 'url'])
    if (tls === null || typeof tls !== 'object') return []
    const at = positionOf(path, tree).key
    const problems: ConfigProblem[] = []
    if (typeof url === 'string' && /^(rtsp|http):/i.test(url))
      problems.push({
        at,
        path,
        code: 'PL-CONFIG-TLS-UNUSED',
        message: 'found certificates for an unencrypted url, allowed is tls with rtsps:// or https://'
      })
    if ('fingerprint' in tls && ('ca' in tls || 'server_name' in tls))
      problems.push({
        at,
        path,
        code: 'PL-CONFIG-TLS-PIN',
        message:
          'found a fingerprint beside ca or server_name, allowed is a fingerprint alone (it names the very certificate)'
      })
    return problems
  })
}

/** MJPEG over HTTP is one track. */
function videoTrackFits(tree: Tree): ConfigProblem[] {
  return listAt(tree, ['cameras']).flatMap((_, i) => {
    const path = ['cameras', i, 'video_track']
    const [track, url] = [valueAt(tree.value, path), valueAt(tree.value, ['cameras', i, 'url'])]
    if (typeof track !== 'number' || track < 2 || typeof url !== 'string' || !/^https?:/i.test(url)) return []
    const message = `found ${track} for a stream over HTTP, which has one video track, allowed is auto or 1`
    return [{ at: positionOf(path, tree).value, path, code: 'PL-CONFIG-TRACK', message }]
  })
}

/** MQTT 3.1.1 has no password without a user name (3.1.2.9). */
function userForPassword(tree: Tree): ConfigProblem[] {
  const path = ['mqtt', 'password']
  if (valueAt(tree.value, path) === undefined || valueAt(tree.value, ['mqtt', 'username']) !== undefined) return []
  return [
    {
      at: positionOf(path, tree).key,
      path,
      code: 'PL-CONFIG-USERNAME',
      message: 'found a password alone, allowed is a password with a username'
    }
  ]
}

/** An endpoint that is open to a network needs a token. */
function tokenForNetwork(tree: Tree): ConfigProblem[] {
  const path = ['http', 'host']
  const host = valueAt(tree.value, path)
  const off = valueAt(tree.value, ['http', 'enabled']) === false
  if (typeof host !== 'string' || off || isThisDevice(host) || !/^[0-9a-f.:]+$/i.test(host)) return []
  if (valueAt(tree.value, ['http', 'token']) !== undefined) return []
  const message = `found ${JSON.stringify(host)}, which others can reach, and no http.token, allowed is 127.0.0.1, or a token of at least 16 characters (openssl rand -hex 16 makes one)`
  return [{ at: positionOf(path, tree).value, path, code: 'PL-CONFIG-TOKEN', message }]
}

/** A page that is on needs a token to log in with, and the roles need different ones. */
function tokensOfPage(tree: Tree): ConfigProblem[] {
  if (valueAt(tree.value, ['page', 'enabled']) !== true) return []
  const path = ['page', 'tokens']
  const [ward, technician] = ['ward', 'technician'].map((role) => valueAt(tree.value, [...path, role]))
  const problem = (found: string): ConfigProblem[] => {
    const message = `found ${found}, allowed is page.tokens with ward, technician or both, each with a token of its own`
    return [{ at: positionOf(path, tree).key, path, code: 'PL-CONFIG-PAGE-TOKENS', message }]
  }
  if (ward === undefined && technician === undefined) return problem('a page that is enabled and has no token')
  return ward === technician ? problem('the same token for both roles') : []
}

/** A key of the explanations that the others leave without a use says what is not so. */
function gammaFits(tree: Tree): ConfigProblem[] {
  const { data } = explanationOf(tree, { composite: true, gamma: true })
  if (!data || data.gamma === null || data.gamma === undefined || usesGamma(String(data.composite))) return []
  return unusedKey(tree, 'gamma', `found a gamma, for which ${data.composite} has no use, allowed is null`)
}

function sessionFits(tree: Tree): ConfigProblem[] {
  const { data } = explanationOf(tree, { engine: true, session: true })
  if (data?.session !== 'shared' || data.engine === 'onnx') return []
  const found = `found shared with engine ${data.engine}, which the classifier's session cannot run`
  return unusedKey(tree, 'session', `${found}, allowed are auto and own (shared with engine onnx)`)
}

function explanationOf(tree: Tree, keys: Parameters<typeof explanationSchema.pick>[0]) {
  return explanationSchema
    .pick(keys)
    .strip()
    .safeParse(valueAt(tree.value, ['explanation']) ?? {})
}

function unusedKey(tree: Tree, key: string, message: string): ConfigProblem[] {
  const path = ['explanation', key]
  return [{ at: positionOf(path, tree).value, path, code: 'PL-CONFIG-EXPLANATION', message }]
}
