import type { EndReason, TechnicalCondition } from '../../contract/conditions.js'
import type { CameraState } from '../../core/types.js'

interface CameraStateRow {
  /** Why the alarms about people in this camera end with it, if they do. */
  ends: EndReason | null
  /** The technical alarm that it raises. */
  raises: TechnicalCondition | null
  /** Alarms stay as they are: it is neither better nor worse. */
  keeps?: true
  /** A face in such a picture is not there now, or is not to be looked at. */
  hides?: true
}

/** What a camera's state means for its alarms. */
export const cameraStates: Record<CameraState, CameraStateRow> = {
  ok: { ends: null, raises: null },
  connecting: { ends: null, raises: null, keeps: true },
  lost: { ends: 'camera_lost', raises: 'camera_lost' },
  frozen: { ends: 'camera_frozen', raises: 'camera_frozen', hides: true },
  dark: { ends: 'camera_dark', raises: 'camera_dark' },
  paused: { ends: 'camera_paused', raises: null, hides: true }
}

/** The conditions that a camera's state raises. */
export const watchedConditions: readonly TechnicalCondition[] = Object.values(cameraStates).flatMap(({ raises }) =>
  raises === null ? [] : [raises]
)
