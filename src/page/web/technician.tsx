import { useEffect, useState } from 'preact/hooks'
import type { CamerasOfBox, CameraTile } from '../wire.js'
import { get, post } from './api.js'
import { Lamps, Way } from './commissioning.js'
import { Editor } from './editor.js'
import { Finding } from './finding.js'
import { RoomPicture } from './picture.js'
import { type TechnicianWords, technicianWords } from './technician-texts.js'
import type { Words } from './texts.js'

const listMs = 3000

/** A tile for each camera of the box that serves the page. */
export default function Technician({ words: common }: { words: Words }) {
  const words = technicianWords(common)
  const [box, setBox] = useState<CamerasOfBox | null>(null)
  const [stale, setStale] = useState(false)
  useEffect(() => {
    const ask = async (): Promise<void> => {
      const answer = await get<CamerasOfBox>('/api/cameras')
      // What is being edited stays.
      setStale(!answer.ok)
      if (answer.ok) setBox(answer.value)
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
          <Tile key={camera.camera} {...{ camera, words, stale }} pictures={box.pictures} />
        ))}
      </ul>
      <Finding words={words} />
      <Way {...{ words }} cameras={box.cameras} />
      {stale ? <p>{words.loading}</p> : <Lamps {...{ words }} lamps={box.lamps} />}
    </section>
  )
}

interface TileProps {
  camera: CameraTile
  words: TechnicianWords
  pictures: boolean
  /** The list is old, and says nothing of the camera any more. */
  stale: boolean
}

function Tile({ camera, words, pictures, stale }: TileProps) {
  const [looking, setLooking] = useState(false)
  const [editing, setEditing] = useState(false)
  const [problem, setProblem] = useState('')
  const { camera: id } = camera
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
    <li class={editing ? 'panel wide' : 'panel'}>
      <h3>
        <bdi>{id}</bdi>
      </h3>
      {editing ? (
        <Editor {...{ camera, words }} onLookEnd={looking ? stop : null} />
      ) : (
        looking && <RoomPicture {...{ camera: id, words }} onEnd={stop} />
      )}
      {stale ? <p>{words.loading}</p> : <Figures {...{ camera, words }} />}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="buttons">
        {pictures && (
          <button type="button" aria-pressed={looking} onClick={() => void look()}>
            {looking ? words.stopLooking : words.lookNow}
          </button>
        )}
        <button type="button" aria-expanded={editing} onClick={() => setEditing(!editing)}>
          {editing ? words.editor.close : words.editor.open}
        </button>
      </div>
    </li>
  )
}

function Figures({ camera, words }: Pick<TileProps, 'camera' | 'words'>) {
  const { state, fps, damaged, usable_share, problem, decoder } = camera
  return (
    <dl>
      <dt>{words.cameraState}</dt>
      <dd>
        {words.cameraStates[state]}
        {problem !== null && `: ${problem}`}
      </dd>
      <dt>{words.fps}</dt>
      <dd>{new Intl.NumberFormat(words.code).format(fps)}</dd>
      <dt>{words.damaged}</dt>
      <dd>{damaged}</dd>
      <dt>{words.usableShare}</dt>
      <dd>{usable_share === null ? '–' : `${Math.round(usable_share * 100)} %`}</dd>
      <dt>{words.decoder}</dt>
      <dd>{decoder}</dd>
    </dl>
  )
}
