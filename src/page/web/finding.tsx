/** Cameras that answer to ONVIF, with the addresses of their streams to copy. Their pictures are not asked for: painlens's masks are not in them. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { FindAnswer, FoundCameraAnswer } from '../wire.js'
import { get, post } from './api.js'
import type { TechnicianWords } from './technician-texts.js'

const askMs = 1500

export function Finding({ words }: { words: TechnicianWords }) {
  const [find, setFind] = useState<FindAnswer | null>(null)
  const [problem, setProblem] = useState('')
  const user = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  const fingerprints = useRef<HTMLInputElement>(null)
  const running = find?.running === true
  const ask = async (): Promise<void> => {
    const answer = await get<FindAnswer>('/api/find')
    if (answer.ok) setFind(answer.value)
  }
  useEffect(() => {
    void ask()
    if (!running) return undefined
    const again = setInterval(() => void ask(), askMs)
    return () => clearInterval(again)
  }, [running])
  const start = async (event: Event): Promise<void> => {
    event.preventDefault()
    const answer = await post('/api/find', {
      user: user.current!.value,
      password: password.current!.value,
      fingerprints: fingerprints.current!.value.split(/[\s,;]+/).filter((one) => one !== '')
    })
    setProblem(answer.ok ? '' : words.failed(answer.refusal.error))
    await ask()
  }
  return (
    <form class="panel" aria-labelledby="find-title" onSubmit={(event) => void start(event)}>
      <h3 id="find-title">{words.find}</h3>
      <p class="dim">{words.findHint}</p>
      <label>
        {words.findUser}
        <input ref={user} maxLength={100} autocomplete="off" />
      </label>
      <label>
        {words.findPassword}
        <input ref={password} type="password" maxLength={200} autocomplete="off" />
      </label>
      <label>
        {words.findFingerprints}
        <input ref={fingerprints} maxLength={7000} autocomplete="off" />
      </label>
      <div class="buttons">
        <button type="submit" disabled={running}>
          {words.findStart}
        </button>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div aria-live="polite">
        {running && <p>{words.finding}</p>}
        {find?.cameras && find.cameras.length === 0 && <p>{words.foundNone}</p>}
      </div>
      {find?.cameras?.map((camera) => (
        <Found key={camera.address} {...{ camera, words }} />
      ))}
    </form>
  )
}

function Found({ camera, words }: { camera: FoundCameraAnswer; words: TechnicianWords }) {
  const { address, name, problem, profiles } = camera
  return (
    <div>
      <h4>
        {address} {name !== null && <bdi>{name}</bdi>}
      </h4>
      {problem && (
        <p class="problem">
          {problem.message} → {problem.fix} [{problem.code}]
        </p>
      )}
      <ul class="check">
        {profiles.map((profile, i) => (
          <li key={i}>
            <bdi>{profile.name}</bdi>
            {profile.width !== null && `, ${profile.width} × ${profile.height}`}
            {profile.fps !== null && `, ${profile.fps}/s`}
            {profile.codec !== null && `, ${profile.codec}`}: <code>{profile.url ?? words.noStream}</code>
          </li>
        ))}
      </ul>
    </div>
  )
}
