import { useEffect, useRef, useState } from 'preact/hooks'
import type { RoomRow } from '../wire.js'
import { post } from './api.js'
import type { Words } from './texts.js'

const minutes = [5, 10, 15, 30, 60]

/** What a pause is about. */
export type Pausable = Pick<RoomRow, 'device' | 'camera'> & { place: string; paused: boolean }

interface PauseProps {
  words: Words
  of: Pausable
  /** Opens the dialog of the resting face, of which one may be held already; null where the room can have none. */
  comfortable: { isHeld: boolean; open: () => void } | null
  onClose: () => void
}

/** Asks for how long; Escape closes it. */
export function PauseDialog({ words, of, comfortable, onClose }: PauseProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [problem, setProblem] = useState('')
  useEffect(() => dialog.current!.showModal(), [])
  const { device, camera, place, paused } = of
  const send = async (path: string, more: object): Promise<void> => {
    const answer = await post(path, { device, camera, ...more })
    if (answer.ok) dialog.current?.close()
    else setProblem(words.failed(answer.refusal.error))
  }
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="pause-title">
      <h2 id="pause-title">{words.pauseTitle(place)}</h2>
      <p class="dim">{words.pauseHint}</p>
      <div class="buttons">
        {minutes.map((count) => (
          <button type="button" key={count} onClick={() => void send('/api/pause', { minutes: count })}>
            {words.minutes(count)}
          </button>
        ))}
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="buttons">
        {paused && (
          <button type="button" onClick={() => void send('/api/resume', {})}>
            {words.resume}
          </button>
        )}
        {comfortable && (
          <button
            type="button"
            onClick={() => {
              // Closed first, so that the focus comes back to the lamp in the end.
              dialog.current!.close()
              comfortable.open()
            }}
          >
            {comfortable.isHeld ? words.restingFace : words.comfortable}
          </button>
        )}
        <button type="button" onClick={() => dialog.current!.close()}>
          {words.close}
        </button>
      </div>
    </dialog>
  )
}
