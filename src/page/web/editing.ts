/** The state of the editor: the outlines with undo, which of them and which corner is chosen, and what there is to say. */
import { useState } from 'preact/hooks'
import type { CameraTile } from '../wire.js'
import {
  add,
  addCorner,
  begin,
  change,
  changeFault,
  freeName,
  middleOf,
  moveAll,
  moveCorner,
  type Outline,
  outlinesOf,
  redo,
  remove,
  removeCorner,
  rename,
  undo
} from './outlines.js'
import type { TechnicianWords } from './technician-texts.js'

/** The number of a corner, or the handle that moves all of them. */
export type Grip = number | 'all'
type Place = readonly [number, number]

export type Editing = ReturnType<typeof useEditing>

export function useEditing(camera: CameraTile, words: TechnicianWords) {
  const core = useCore(camera, words)
  const { history, outlines, index, grip, said } = core
  const travel = (by: typeof undo) => (): void => {
    core.setHistory(by(history))
    core.say(null)
  }
  return {
    ...{ outlines, index, grip, said },
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
    undo: travel(undo),
    redo: travel(redo),
    choose: core.choose,
    ...moves(core),
    ...makings(core, words)
  }
}

type Core = ReturnType<typeof useCore>

function useCore(camera: CameraTile, words: TechnicianWords) {
  const [history, setHistory] = useState(() => begin(outlinesOf(camera.masks, camera.zones)))
  /** While a corner is dragged. */
  const [draft, setDraft] = useState<readonly Outline[] | null>(null)
  const [choice, setChoice] = useState<{ index: number; grip: Grip | null }>({ index: 0, grip: null })
  const [said, setSaid] = useState({ text: '', refused: false })
  const outlines = draft ?? history.now
  const index = Math.min(choice.index, outlines.length - 1)
  const corners = outlines[index]?.corners ?? []
  const grip = choice.grip !== 'all' && (choice.grip ?? 0) >= corners.length ? null : choice.grip
  /** Where a grip is now; null: nothing. */
  const say = (place: Place | null): void => setSaid({ text: place ? placeText(place, words) : '', refused: false })
  return {
    ...{ history, setHistory, draft, setDraft, outlines, index, grip, said, say },
    choose: (at: number, of: Grip | null = null) => setChoice({ index: at, grip: of }),
    make: (next: readonly Outline[], step: string | null = null) => setHistory(change(history, next, step)),
    /** @returns whether the chosen outline may be so; says why not */
    isAllowed: (next: readonly Outline[]): boolean => {
      const fault = changeFault(history.now, next, index)
      if (fault) setSaid({ text: words.editor.fault(fault), refused: true })
      else say(null)
      return fault === null
    }
  }
}

/** What moves the corners of the chosen outline. */
function moves({ history, index, grip, draft, setDraft, isAllowed, make, say, choose }: Core) {
  const placeNow = (at: Grip): Place => gripPlace(history.now[index]!, at)
  const moved = (at: Grip, to: Place): readonly Outline[] => {
    const [x, y] = placeNow(at)
    return at === 'all' ? moveAll(history.now, index, [to[0] - x, to[1] - y]) : moveCorner(history.now, index, at, to)
  }
  const moveTo = (at: Grip, to: Place, step: string | null): boolean => {
    const next = moved(at, to)
    if (!isAllowed(next)) return false
    make(next, step)
    say(gripPlace(next[index]!, at))
    return true
  }
  return {
    /** A step with the keys; presses in a row are undone together. */
    nudge: (at: Grip, [dx, dy]: Place) => {
      const [x, y] = placeNow(at)
      moveTo(at, [x + dx, y + dy], `${index} ${at}`)
    },
    /** The chosen grip, at one go. */
    place: (to: Place) => {
      if (grip !== null && moveTo(grip, to, null)) choose(index)
    },
    /** Shows a grip elsewhere, where it may be. */
    drag: (at: Grip, to: Place) => {
      const next = moved(at, to)
      if (isAllowed(next)) setDraft(next)
    },
    /** Ends a drag: what was shown last is taken. */
    drop: () => {
      if (draft) make(draft)
      setDraft(null)
      choose(index)
    }
  }
}

/** What makes outlines and corners, names them, and takes them away. */
function makings({ history: { now }, index, isAllowed, make, say, choose }: Core, { editor }: TechnicianWords) {
  return {
    add: (kind: Outline['kind']) => {
      make(add(now, kind, kind === 'zone' ? freeName(now, editor.newZone) : ''))
      choose(now.length, 0)
      say(null)
    },
    remove: () => {
      make(remove(now, index))
      choose(0)
      say(null)
    },
    /** A name is typed letter by letter: it is judged where it is shown. */
    rename: (name: string) => make(rename(now, index, name), `${index} name`),
    addCorner: (corner: number) => {
      const next = addCorner(now, index, corner)
      if (!isAllowed(next)) return
      make(next)
      choose(index, corner + 1)
    },
    removeCorner: (corner: number) => {
      const next = removeCorner(now, index, corner)
      if (!isAllowed(next)) return
      make(next)
      choose(index, Math.min(corner, next[index]!.corners.length - 1))
    }
  }
}

export const gripPlace = (outline: Outline, grip: Grip): Place =>
  grip === 'all' ? middleOf(outline) : outline.corners[grip]!

export function placeText([x, y]: Place, { code, editor }: TechnicianWords): string {
  const percent = new Intl.NumberFormat(code, { maximumFractionDigits: 1 })
  return editor.at(percent.format(x * 100), percent.format(y * 100))
}
