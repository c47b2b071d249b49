/** What a technician leaves a room by: the lamps of `painlens check`, and a test of the way to the nurse call. */
import { useEffect, useState } from 'preact/hooks'
import type { CameraTile, CheckLamp, WayAnswer } from '../wire.js'
import { get, post } from './api.js'
import type { TechnicianWords } from './technician-texts.js'

const askMs = 1000

export function Lamps({ lamps, words }: { lamps: readonly CheckLamp[]; words: TechnicianWords }) {
  return (
    <section class="panel" aria-labelledby="check-title">
      <h3 id="check-title">{words.check}</h3>
      <p class="dim">{words.checkHint}</p>
      <ul class="check">
        {lamps.map(({ what, state, found, fix, code }) => (
          <li key={what}>
            <span class={state}>{words.lampStates[state]}</span> <b>{what}</b>: <bdi>{found}</bdi>
            {fix !== null && ` → ${fix}`}
            {code !== null && state !== 'ok' && ` [${code}]`}
          </li>
        ))}
      </ul>
    </section>
  )
}

export function Way({ cameras, words }: { cameras: readonly CameraTile[]; words: TechnicianWords }) {
  const [way, setWay] = useState<WayAnswer | null>(null)
  const [camera, setCamera] = useState(cameras[0]?.camera ?? '')
  const [problem, setProblem] = useState('')
  const isUnderWay = way !== null && way.ended === null
  useEffect(() => {
    const ask = async (): Promise<void> => {
      const answer = await get<{ way: WayAnswer | null }>('/api/way')
      if (answer.ok) setWay(answer.value.way)
    }
    void ask()
    const again = setInterval(() => void ask(), askMs)
    return () => clearInterval(again)
  }, [])
  const start = async (): Promise<void> => {
    const answer = await post('/api/way', { camera })
    setProblem(answer.ok ? '' : words.failed(answer.refusal.error))
  }
  return (
    <section class="panel" aria-labelledby="way-title">
      <h3 id="way-title">{words.way}</h3>
      <p class="dim">{words.wayHint}</p>
      <label>
        {words.wayCamera}
        <select value={camera} onChange={({ currentTarget }) => setCamera(currentTarget.value)}>
          {cameras.map((one) => (
            <option key={one.camera}>{one.camera}</option>
          ))}
        </select>
      </label>
      <div class="buttons">
        <button type="button" disabled={isUnderWay} onClick={() => void start()}>
          {words.wayStart}
        </button>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {way && <Steps {...{ way, words }} />}
    </section>
  )
}

function Steps({ way, words }: { way: WayAnswer; words: TechnicianWords }) {
  const { camera, by, begun, confirmed, back, notHeard, notBack, acknowledged, ended } = way
  const step = (text: string, at: string | null, waiting: string) => (
    <li class={at === null ? '' : 'done'}>
      {at === null ? '○' : '●'} {text}: {at === null ? waiting : words.clock(at)}
    </li>
  )
  const open = ended === null ? words.wayWaiting : words.wayNever
  return (
    <ol class="steps" aria-live="polite">
      {step(words.wayRaised(camera, by), begun, open)}
      {step(words.wayConfirmed, confirmed, open)}
      {step(words.wayBack, back, notHeard ?? (ended === null && !notBack ? open : words.wayNotBack))}
      {step(
        acknowledged ? words.wayAcknowledgedBy(acknowledged.by) : words.wayAcknowledged,
        acknowledged?.at ?? null,
        open
      )}
      {ended !== null && <li>{words.wayEnded(words.clock(ended))}</li>}
    </ol>
  )
}
