import type { CameraConfig } from '../../config/index.js'
import { groupedBy } from '../../core/grouped.js'
import { parseCameraUrl } from '../../stages/camera/url.js'
import type { CheckResult } from './result.js'

/**
 * How a server answers that is asked for more streams than it gives at a time, and whether that is the only reason for the
 * answer: painlens opens all cameras, and will not have those that are one too many.
 */
const refusals = { 'PL-CAMERA-VIEWERS': 'fail', 'PL-CAMERA-FAULT': 'warn', 'PL-CAMERA-HANGS-UP': 'warn' } as const

/**
 * Tries cameras alone, one after the other, that were refused while others of their server were open: else a right url and a
 * right password look wrong.
 * @param results of all cameras, opened at the same time
 * @returns the results, of those that answer alone with what they gave
 */
export async function triedAlone(
  cameras: readonly CameraConfig[],
  results: readonly CheckResult[],
  again: (camera: CameraConfig) => Promise<CheckResult>,
  signal: AbortSignal
): Promise<CheckResult[]> {
  const out = [...results]
  const inTurn = async (server: string, places: readonly number[]): Promise<void> => {
    for (const at of places) {
      const refused = results[at]!
      if (signal.aborted) return
      if (isRefusal(refused)) out[at] = besideOthers(refused, await again(cameras[at]!), server)
    }
  }
  const servers = groupedBy(cameras.keys(), (at) => serverOf(cameras[at]!))
  await Promise.all([...servers].map(([server, places]) => (places.length > 1 ? inTurn(server, places) : undefined)))
  return out
}

function serverOf({ url, id }: CameraConfig): string {
  const { host, port } = parseCameraUrl(url, id)
  return `${host}:${port}`
}

type Refusal = CheckResult & { code: keyof typeof refusals }
const isRefusal = (result: CheckResult): result is Refusal => Object.hasOwn(refusals, result.code ?? '')

function besideOthers(refused: Refusal, alone: CheckResult, server: string): CheckResult {
  if (alone.state === 'fail') return refused
  return {
    ...refused,
    state: refusals[refused.code],
    found: `${refused.found}; alone it gives ${alone.found}`,
    fix: `painlens opens all cameras of ${server} at the same time: raise how many streams it gives at a time, or take cameras of it out.`
  }
}
