/** Draws masks and zones by mouse, finger and keyboard, and shows them as lines for the config: painlens does not write that file. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { CameraTile } from '../wire.js'
import './editor.css'
import { type Editing, type Grip, gripPlace, placeText, useEditing } from './editing.js'
import { faultAt, type Outline, yamlOf } from './outlines.js'
import { RoomPicture } from './picture.js'
import type { TechnicianWords } from './technician-texts.js'

interface EditorProps {
  camera: CameraTile
  words: TechnicianWords
  /** The picture could not be shown any more; null while none is shown. */
  onLookEnd: ((why: string) => void) | null
}

export function Editor({ camera, words, onLookEnd }: EditorProps) {
  const editing = useEditing(camera, words)
  const editor = useRef<HTMLDivElement>(null)
  /** What gets the focus once it is drawn. */
  const focusNext = useRef<string | null>(null)
  useLayoutEffect(() => {
    if (focusNext.current === null) return
    editor.current!.querySelector<HTMLElement>(focusNext.current)?.focus()
    focusNext.current = null
  })
  const focus = (selector: string): void => {
    focusNext.current = selector
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.target instanceof HTMLInputElement) return
    const key = event.key.toLowerCase()
    if (key !== 'z' && key !== 'y') return
    event.preventDefault()
    if (key === 'y' || event.shiftKey) editing.redo()
    else editing.undo()
  }
  const stage = <Outlines {...{ editing, words, focus }} />
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys for undo; the buttons do the same
    <div class="editor" ref={editor} onKeyDown={onKeyDown}>
      <div class="stage">
        {onLookEnd ? (
          <RoomPicture {...{ camera: camera.camera, words }} onEnd={onLookEnd}>
            {stage}
          </RoomPicture>
        ) : (
          <>
            <div class="empty">{stage}</div>
            <p class="dim">{words.editor.noPicture}</p>
          </>
        )}
      </div>
      <Tools {...{ editing, words, focus }} camera={camera.camera} />
    </div>
  )
}

interface PartProps {
  editing: Editing
  words: TechnicianWords
  /** Of what is drawn next, by its selector. */
  focus: (selector: string) => void
}

const chosenCorner = '.corner[aria-pressed="true"]'

/** In shares of the picture. */
const steps = { small: 0.005, large: 0.05 }
const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
}

function Outlines({ editing, words, focus }: PartProps) {
  const area = useRef<HTMLDivElement>(null)
  const { outlines, index, grip } = editing
  const chosen = outlines[index]
  const placeOf = ({ clientX, clientY }: MouseEvent): [number, number] => {
    const { left, top, width, height } = area.current!.getBoundingClientRect()
    return [(clientX - left) / width, (clientY - top) / height]
  }
  /** A corner that is chosen goes there; else the outline there is chosen. */
  const onTap = (event: MouseEvent): void => {
    const target = event.target as Element
    if (target.closest('button')) return
    const tapped = target.getAttribute('data-index')
    if (grip !== null) editing.place(placeOf(event))
    else if (tapped !== null) editing.choose(Number(tapped))
  }
  const grips: Grip[] = chosen ? [...chosen.corners.keys(), 'all'] : []
  return (
    // biome-ignore lint/a11y: for pointers; the buttons beside the picture choose, and keys move corners
    <div class="outlines" ref={area} onClick={onTap}>
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
        {outlines.map(({ kind, corners }, i) => (
          <polygon
            key={i}
            data-index={i}
            class={`outline ${kind} ${i === index ? 'chosen' : ''}`}
            points={corners.map((corner) => corner.join(',')).join(' ')}
          />
        ))}
      </svg>
      {grips.map((one) => (
        <Corner key={`${index} ${one}`} {...{ editing, words, focus, placeOf }} grip={one} />
      ))}
    </div>
  )
}

interface CornerProps extends PartProps {
  grip: Grip
  placeOf: (event: MouseEvent) => [number, number]
}

function Corner({ editing, words, focus, placeOf, grip }: CornerProps) {
  const { outlines, index } = editing
  const place = gripPlace(outlines[index]!, grip)
  const name = nameOf(outlines, index, words)
  const at = placeText(place, words)
  const { corner, whole } = words.editor
  const dragging = useDragging({ editing, grip, placeOf })
  const onKeyDown = (event: KeyboardEvent): void => {
    const arrow = arrows[event.key]
    const size = event.shiftKey ? steps.large : steps.small
    if (arrow && !event.altKey && !event.ctrlKey && !event.metaKey)
      editing.nudge(grip, [arrow[0] * size, arrow[1] * size])
    else if (event.key === 'Delete' && grip !== 'all') {
      editing.removeCorner(grip)
      focus(chosenCorner)
    } else return
    event.preventDefault()
  }
  return (
    <button
      type="button"
      class={grip === 'all' ? 'corner whole' : 'corner'}
      style={{ left: `${place[0] * 100}%`, top: `${place[1] * 100}%` }}
      aria-pressed={editing.grip === grip}
      aria-label={grip === 'all' ? whole(name, at) : corner(name, grip + 1, at)}
      onFocus={() => editing.choose(index, grip)}
      {...{ onKeyDown, ...dragging }}
    />
  )
}

/** Pixels that a finger may tremble. */
const tremble = 4

/** What a corner does with pointers: a press chooses it, a press that moves takes it along. */
function useDragging({ editing, grip, placeOf }: Pick<CornerProps, 'editing' | 'grip' | 'placeOf'>) {
  const pressed = useRef<{ x: number; y: number; drags: boolean } | null>(null)
  const dragged = useRef(false)
  const onPointerDown = (event: PointerEvent): void => {
    const button = event.currentTarget as HTMLElement
    button.setPointerCapture(event.pointerId)
    pressed.current = { x: event.clientX, y: event.clientY, drags: false }
    dragged.current = false
  }
  const onPointerMove = (event: PointerEvent): void => {
    const from = pressed.current
    if (!from) return
    from.drags ||= Math.hypot(event.clientX - from.x, event.clientY - from.y) > tremble
    if (from.drags) editing.drag(grip, placeOf(event))
  }
  const end = (): void => {
    dragged.current = pressed.current?.drags === true
    if (dragged.current) editing.drop()
    pressed.current = null
  }
  /** A drag ends with a click, which chooses nothing. */
  const onClick = (): void => {
    if (!dragged.current) editing.choose(editing.index, grip)
    dragged.current = false
  }
  return { onClick, onPointerDown, onPointerMove, onPointerUp: end, onPointerCancel: end }
}

/** Masks are counted, zones have names. */
function nameOf(outlines: readonly Outline[], index: number, { editor }: TechnicianWords): string {
  const { kind, name } = outlines[index]!
  if (kind === 'zone') return editor.zone(name)
  return editor.mask(outlines.slice(0, index + 1).filter((one) => one.kind === 'mask').length)
}

function Tools({ editing, words, focus, camera }: PartProps & { camera: string }) {
  const { outlines, index, said, canUndo } = editing
  const texts = words.editor
  const nameFault = outlines.map((_, i) => faultAt(outlines, i)).find((fault) => fault?.kind.startsWith('name'))
  const problem = said.refused ? said.text : nameFault ? texts.fault(nameFault) : ''
  return (
    <div class="list">
      <h4>{texts.title(camera)}</h4>
      {outlines.length === 0 && <p>{texts.none}</p>}
      <div class="buttons">
        {outlines.map((_, i) => (
          <button key={i} type="button" aria-pressed={i === index} onClick={() => editing.choose(i)}>
            <bdi>{nameOf(outlines, i, words)}</bdi>
          </button>
        ))}
      </div>
      <Changes {...{ editing, words, focus }} />
      <p role="status" class={problem ? 'problem' : 'dim'}>
        {problem || said.text}
      </p>
      <p class="dim">{texts.hint}</p>
      <h4>{texts.yaml}</h4>
      <p class="dim">{canUndo ? texts.yamlHint : texts.unchanged}</p>
      {!nameFault && <Lines text={yamlOf(outlines)} label={texts.yaml} />}
    </div>
  )
}

/** Plain HTTP has no clipboard: a press selects everything. */
function Lines({ text, label }: { text: string; label: string }) {
  const selectAll = ({ currentTarget }: { currentTarget: HTMLTextAreaElement }): void => {
    if (currentTarget.selectionStart === currentTarget.selectionEnd) currentTarget.select()
  }
  return (
    <textarea
      class="yaml"
      readOnly
      wrap="off"
      spellcheck={false}
      aria-label={label}
      rows={text.split('\n').length}
      value={text}
      onFocus={selectAll}
      onClick={selectAll}
    />
  )
}

function Changes({ editing, words, focus }: PartProps) {
  const { outlines, index, grip, canUndo, canRedo } = editing
  const chosen = outlines[index]
  const texts = words.editor
  /** Does it, and then puts the focus where it is needed next. */
  const then = (act: () => void, selector: string) => () => {
    act()
    focus(selector)
  }
  return (
    <>
      {chosen?.kind === 'zone' && (
        <label>
          {texts.zoneName}
          <input value={chosen.name} onInput={({ currentTarget }) => editing.rename(currentTarget.value)} />
        </label>
      )}
      <div class="buttons">
        <button type="button" class="new" onClick={then(() => editing.add('mask'), chosenCorner)}>
          {texts.addMask}
        </button>
        <button type="button" onClick={then(() => editing.add('zone'), chosenCorner)}>
          {texts.addZone}
        </button>
        {typeof grip === 'number' && (
          <>
            <button type="button" onClick={then(() => editing.addCorner(grip), chosenCorner)}>
              {texts.addCorner}
            </button>
            <button type="button" onClick={then(() => editing.removeCorner(grip), chosenCorner)}>
              {texts.removeCorner}
            </button>
          </>
        )}
        {chosen && (
          <button type="button" onClick={then(editing.remove, '.new')}>
            {texts.remove(nameOf(outlines, index, words))}
          </button>
        )}
        <button type="button" aria-disabled={!canUndo} onClick={editing.undo}>
          {texts.undo}
        </button>
        <button type="button" aria-disabled={!canRedo} onClick={editing.redo}>
          {texts.redo}
        </button>
      </div>
    </>
  )
}
