import { useEffect, useRef, useState } from 'preact/hooks'
import type { CamerasOfBox, CameraTile, SeenFaceAnswer, SightAnswer } from '../wire.js'
import { get, post } from './api.js'
import type { Words } from './texts.js'

const listMs = 3000
/** Below, a face is not judged. */
const leastPx = 60

/** A tile for each camera of the box that serves the page. */
export function Technician({ words }: { words: Words }) {
  const [box, setBox] = useState<CamerasOfBox | null>(null)
  useEffect(() => {
    const ask = async (): Promise<void> => {
      const answer = await get<CamerasOfBox>('/api/cameras')
      // A list that is old says nothing of a camera any more.
      setBox(answer.ok ? answer.value : null)
    }
    void ask()
    const again = setInterval(() => void ask(), listMs)
    return () => clearInterval(again)
  }, [])
  if (!box) return <p>{words.loading}</p>
  return (
    <section aria-labelledby="cameras-title">
      <h2 id="cameras-title">{words.cameras}</h2>
      <p class="dim">{box.pictures ? words.looksAreLogged : words.noPictures}</p>
      <ul class="cameras">
        {box.cameras.map((camera) => (
          <Tile key={camera.camera} {...{ camera, words }} pictures={box.pictures} />
        ))}
      </ul>
    </section>
  )
}

function Tile({ camera, words, pictures }: { camera: CameraTile; words: Words; pictures: boolean }) {
  const [looking, setLooking] = useState(false)
  const [problem, setProblem] = useState('')
  const { camera: id, state, fps, damaged, usable_share, problem: trouble, decoder } = camera
  const look = async (): Promise<void> => {
    const answer = looking ? null : await post('/api/look', { camera: id })
    setProblem(answer && !answer.ok ? words.failed(answer.refusal.error) : '')
    setLooking(answer?.ok === true)
  }
  const stop = (why: string): void => {
    setLooking(false)
    setProblem(words.failed(why))
  }
  return (
    <li class="panel">
      <h3>
        <bdi>{id}</bdi>
      </h3>
      {looking && <Picture {...{ camera: id, words }} onEnd={stop} />}
      <dl>
        <dt>{words.cameraState}</dt>
        <dd>
          {words.cameraStates[state]}
          {trouble !== null && `: ${trouble}`}
        </dd>
        <dt>{words.fps}</dt>
        <dd>{fps}</dd>
        <dt>{words.damaged}</dt>
        <dd>{damaged}</dd>
        <dt>{words.usableShare}</dt>
        <dd>{usable_share === null ? '–' : `${Math.round(usable_share * 100)} %`}</dd>
        <dt>{words.decoder}</dt>
        <dd>{decoder}</dd>
      </dl>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {pictures && (
        <button type="button" aria-pressed={looking} onClick={() => void look()}>
          {looking ? words.stopLooking : words.lookNow}
        </button>
      )}
    </li>
  )
}

const pictureMs = 1000

/** Fetches one picture after the other while the page is visible; an error ends that and removes the picture. */
function Picture({ camera, words, onEnd }: { camera: string; words: Words; onEnd: (why: string) => void }) {
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
  return <rect class={face.why_not === null ? 'face' : 'face unusable'} {...area} />
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
