/** What painlens sees of a camera, with a box around each face. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { SeenFaceAnswer, SightAnswer } from '../wire.js'
import type { TechnicianWords } from './technician-texts.js'

/** Below, a face is not judged. */
const leastPx = 60
const pictureMs = 1000

interface PictureProps {
  camera: string
  words: TechnicianWords
  /** It failed, and is shown no more. */
  onEnd: (why: string) => void
  /** What lies over the picture. */
  children?: ComponentChildren
}

/** Asks for one picture after the other while the page is in front; what goes wrong ends it and takes the picture away. */
export function RoomPicture({ camera, words, onEnd, children }: PictureProps) {
  const image = useRef<HTMLImageElement>(null)
  const [sight, setSight] = useState<SightAnswer | null>(null)
  useEffect(() => {
    const leaving = new AbortController()
    void showPictures(camera, leaving.signal, (url, seen) => {
      URL.revokeObjectURL(image.current!.src)
      image.current!.src = url
      setSight(seen)
    }).catch((error: unknown) => {
      if (!leaving.signal.aborted) onEnd(error instanceof Error ? error.message : String(error))
    })
    return () => leaving.abort()
  }, [camera])
  return (
    <>
      <div class="picture">
        <img ref={image} alt={words.pictureOf(camera)} />
        {sight && (
          <svg viewBox={`0 0 ${sight.width} ${sight.height}`} aria-hidden="true">
            {sight.faces?.map((face, i) => (
              <FaceBox key={i} {...{ face, sight }} />
            ))}
          </svg>
        )}
        {children}
      </div>
      <ul class="faces">
        {sight?.faces?.map((face, i) => (
          <li key={i} class={face.why_not === null ? '' : 'problem'}>
            {words.face(face.px, leastPx, face.roll_deg)}
            {' – '}
            {face.why_not === null ? words.usable : words.whyNot[face.why_not]}
          </li>
        ))}
        {sight && sight.faces?.length === 0 && <li>{words.lamp.no_face}</li>}
      </ul>
    </>
  )
}

function FaceBox({ face, sight }: { face: SeenFaceAnswer; sight: SightAnswer }) {
  const [x, y, width, height] = face.box
  const area = { x: x * sight.width, y: y * sight.height, width: width * sight.width, height: height * sight.height }
  // Two numbers a point.
  const dots = face.landmarks.map((at, i) => (i % 2 ? `${at}h0` : `M${at} `)).join('')
  return (
    <>
      <rect class={face.why_not === null ? 'face' : 'face unusable'} {...area} />
      <path class="landmarks" d={dots} />
    </>
  )
}

/** @throws Error with what the box answers, when it gives none any more */
async function showPictures(
  camera: string,
  signal: AbortSignal,
  show: (url: string, sight: SightAnswer) => void
): Promise<void> {
  for (;;) {
    if (!document.hidden) {
      const response = await fetch(`/api/picture?${new URLSearchParams({ camera })}`, { signal })
      if (!response.ok) throw new Error(((await response.json()) as { error: string }).error)
      const sight = JSON.parse(response.headers.get('x-sight')!) as SightAnswer
      const blob = await response.blob()
      if (signal.aborted) return
      show(URL.createObjectURL(blob), sight)
    }
    await new Promise((resolve) => setTimeout(resolve, pictureMs))
    if (signal.aborted) return
  }
}
