import { useState } from 'preact/hooks'
import { type AlarmRow, acknowledgements } from '../wire.js'
import { post } from './api.js'
import { PriorityIcon } from './icons.js'
import type { Pausable } from './pause.js'
import { spanText, type Words } from './texts.js'

interface AlarmProps {
  alarm: AlarmRow
  words: Words
  now: number
  onPause: (of: Pausable) => void
}

const ranks = { high: 0, medium: 1, low: 2 }

/** Active ones first, then by priority, the newest first. */
export const byUrgency = (a: AlarmRow, b: AlarmRow): number =>
  Number(a.ended !== null) - Number(b.ended !== null) ||
  ranks[a.priority] - ranks[b.priority] ||
  b.onset.localeCompare(a.onset)

export function Alarm({ alarm, words, now, onPause }: AlarmProps) {
  const { device, id, camera, priority, text, ack, why, ended } = alarm
  const [problem, setProblem] = useState('')
  const title = `alarm-${id}`
  const acknowledge = async (kind: string): Promise<void> => {
    const answer = await post('/api/acknowledge', { device, alarm: id, kind })
    setProblem(answer.ok ? '' : words.failed(answer.refusal.error))
  }
  const look = [ended ? 'past' : priority, ack || ended ? '' : 'blinks'].join(' ')
  return (
    <article class={`alarm ${look}`} aria-labelledby={title}>
      <h3 id={title}>
        <span class="tag">
          <PriorityIcon priority={priority} /> {words.priority[priority]}
        </span>{' '}
        {text[words.code]}
      </h3>
      <p class="dim">
        {ended
          ? words.ended(words.clock(alarm.onset), words.clock(ended))
          : words.since(words.clock(alarm.onset), spanText(now - Date.parse(alarm.onset)))}
        {' · '}
        <Acknowledged ack={ack} words={words} />
      </p>
      {why && <p>{why[words.code]}</p>}
      {alarm.heatmap && <Heatmap alarm={alarm} words={words} />}
      <div class="buttons">
        {acknowledgements.map((kind, i) => (
          <button
            type="button"
            key={kind}
            class={i === 0 && !ack && !ended ? 'first' : ''}
            aria-pressed={ack?.kind === kind}
            onClick={() => void acknowledge(kind)}
          >
            {words.acknowledgement[kind]}
          </button>
        ))}
        {camera !== null && !ended && (
          <button type="button" onClick={() => onPause({ device, camera, place: text[words.code], paused: false })}>
            {words.pause}
          </button>
        )}
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </article>
  )
}

/** The name came from outside: it is text, and cannot turn what stands beside it. */
function Acknowledged({ ack, words }: { ack: AlarmRow['ack']; words: Words }) {
  if (!ack) return <b>{words.unacknowledged}</b>
  return (
    <>
      <bdi>{ack.by}</bdi>
      {words.acknowledgedBy(words.acknowledgement[ack.kind], words.clock(ack.at))}
    </>
  )
}

/** Shows a face: not before it is asked for. */
function Heatmap({ alarm: { device, id, why }, words }: { alarm: AlarmRow; words: Words }) {
  const [shown, setShown] = useState(false)
  const query = new URLSearchParams({ device, alarm: id })
  return (
    <div class="heatmap">
      <button type="button" aria-expanded={shown} onClick={() => setShown(!shown)}>
        {shown ? words.hideHeatmap : words.showHeatmap}
      </button>
      {shown && (
        <img src={`/api/heatmap?${query}`} width={224} height={224} alt={why?.[words.code] ?? words.heatmapOf} />
      )}
    </div>
  )
}
