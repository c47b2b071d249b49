import type { EndReason, TechnicalCondition } from '../../contract/conditions.js'
import type { CameraState } from '../../core/types.js'

export const watchedConditions = [
  'camera_lost',
  'camera_frozen',
  'camera_dark'
] as const satisfies readonly TechnicalCondition[]
type WatchedCondition = (typeof watchedConditions)[number]

/** What a camera's state means for its alarms. `connecting` leaves them as they are: it is neither better nor worse. */
export const cameraStates: Record<
  CameraState,
  { ends: EndReason | null; raises: WatchedCondition | null; keeps?: true }
> = {
  ok: { ends: null, raises: null },
  connecting: { ends: null, raises: null, keeps: true },
  lost: { ends: 'camera_lost', raises: 'camera_lost' },
  frozen: { ends: 'camera_frozen', raises: 'camera_frozen' },
  dark: { ends: 'camera_dark', raises: 'camera_dark' },
  paused: { ends: 'camera_paused', raises: null }
}

/** A face in such a picture is not there now, or is not to be looked at. */
export const ignored: ReadonlySet<CameraState | undefined> = new Set<CameraState>(['frozen', 'paused'])
