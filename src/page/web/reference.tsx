/** "Is comfortable now": the resting face of a bed, taken and removed after a question, and what becomes of it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { type AlarmRow, lookS, type RoomReference, type RoomRow, type TakingRow } from '../wire.js'
import { type ApiAnswer, post } from './api.js'
import { type ReferenceTexts, referenceTexts } from './reference-texts.js'
import { placeOf, type ShownRoom, stateText } from './rooms.js'
import type { Words } from './texts.js'

type Bed = RoomReference['beds'][number]

export interface ReferenceProps {
  room: ShownRoom
  /** The alarms for pain in its picture that are active, or not acknowledged. */
  alarms: readonly AlarmRow[]
  taking: TakingRow | null
  words: Words
  now: number
  onClose: () => void
}

export default function ReferenceDialog({ room, alarms, taking, words, now, onClose }: ReferenceProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const texts = referenceTexts[words.code]
  const [asked, setAsked] = useState(false)
  const [problem, setProblem] = useState('')
  useEffect(() => dialog.current!.showModal(), [])
  const send = async (path: string, zone: string | null): Promise<boolean> => {
    const { device, camera } = room
    const answer = await post(path, { device, camera, zone })
    setProblem(answer.ok ? '' : whyOf(answer, texts))
    return answer.ok
  }
  const isTaking = taking?.outcome === null
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="reference-title">
      <h2 id="reference-title">{texts.title(placeOf(room, words))}</h2>
      {room.reference?.beds.map((bed) => (
        <Held key={bed.zone} {...{ bed, texts, words }} reference={room.reference!} onRemove={send} />
      ))}
      {isTaking && <Progress {...{ taking, texts, now }} />}
      {taking && asked && <Outcome {...{ taking, texts }} />}
      {!isTaking && !(asked && taking?.outcome === 'taken') && (
        <Question
          {...{ room, alarms, words, texts }}
          key={taking?.until}
          isSecond={asked && taking !== null}
          onTake={async (zone) => {
            const begun = await send('/api/reference', zone)
            if (begun) setAsked(true)
            return begun
          }}
        />
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="buttons">
        <button type="button" onClick={() => dialog.current!.close()}>
          {words.close}
        </button>
      </div>
    </dialog>
  )
}

function whyOf({ refusal }: ApiAnswer<unknown> & { ok: false }, texts: ReferenceTexts): string {
  return texts.why[refusal.code] ?? refusal.error
}

interface QuestionProps {
  room: ShownRoom
  alarms: readonly AlarmRow[]
  words: Words
  texts: ReferenceTexts
  isSecond: boolean
  onTake: (zone: string | null) => Promise<boolean>
}

/** What it does and when not to, in front of the button that does it. */
function Question({ room, alarms, words, texts, isSecond, onTake }: QuestionProps) {
  const { zones, beds } = room.reference ?? { zones: [], beds: [] }
  const [chosen, setChosen] = useState<string | null>(null)
  const [sending, setSending] = useState(false)
  const blocked = blockedBy(room, alarms, words, texts)
  if (blocked) return <p class="problem">{blocked}</p>
  const zone = zones.length === 1 ? zones[0]! : chosen
  const take = (): void => {
    setSending(true)
    // Where it has begun, the row of it replaces this question.
    void onTake(zone).then((begun) => begun || setSending(false))
  }
  return (
    <>
      <p>
        <b>{texts.quieter}</b>
      </p>
      <p>{texts.notFor}</p>
      <p>
        {texts.onlyIf} {texts.how}
      </p>
      {alarms.some(({ ended, ack }) => ended !== null && ack === null) && <p class="problem">{texts.pastAlarm}</p>}
      {zones.length > 1 && (
        <fieldset>
          <legend>{texts.bed}</legend>
          <div class="buttons">
            {zones.map((name) => (
              <button type="button" key={name} aria-pressed={chosen === name} onClick={() => setChosen(name)}>
                <bdi>{name}</bdi>
              </button>
            ))}
          </div>
        </fieldset>
      )}
      {beds.some((bed) => bed.zone === zone) && <p>{texts.replaces}</p>}
      <div class="buttons">
        <button type="button" disabled={sending || (zones.length > 1 && zone === null)} onClick={take}>
          {isSecond ? texts.again : texts.take}
        </button>
      </div>
    </>
  )
}

/** An alarm says pain: that it is false has to be said of it first. */
const contradicts = ({ ended, ack }: AlarmRow): boolean => ended === null && ack?.kind !== 'false_alarm'

function blockedBy(
  room: ShownRoom,
  alarms: readonly AlarmRow[],
  words: Words,
  { blocked }: ReferenceTexts
): string | null {
  if (!room.reference?.available) return blocked.model
  if (room.lamp === 'unknown' || room.lamp === 'paused') return blocked.unwatched(stateText(room, words))
  return alarms.some(contradicts) ? blocked.alarm : null
}

interface HeldProps {
  bed: Bed
  reference: RoomReference
  texts: ReferenceTexts
  words: Words
  onRemove: (path: string, zone: string | null) => Promise<boolean>
}

/** A resting face that is there. The name came from outside: it is text, and cannot turn what stands beside it. */
function Held({ bed: { zone, since, by, state }, reference: { beds, zones }, texts, words, onRemove }: HeldProps) {
  const [asking, setAsking] = useState(false)
  return (
    <section>
      {zone !== null && (zones.length !== 1 || zones[0] !== zone) && (
        <h3>
          <bdi>{texts.zone(zone)}</bdi>
        </h3>
      )}
      <p>
        {texts.heldSince(dayAndTime(since, words))}
        <bdi>{by}</bdi>
      </p>
      <p>{texts.state[state]}</p>
      {asking && <p role="status">{zone === null && beds.length > 1 ? texts.removeAll : texts.removeAsk}</p>}
      <div class="buttons">
        {asking && (
          <button type="button" onClick={() => void onRemove('/api/reference/remove', zone)}>
            {texts.removeYes}
          </button>
        )}
        <button type="button" aria-expanded={asking} onClick={() => setAsking(!asking)}>
          {asking ? texts.cancel : texts.remove}
        </button>
      </div>
    </section>
  )
}

function dayAndTime(iso: string, { locale }: Words): string {
  const at = Date.parse(iso)
  const format = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
  return Number.isNaN(at) ? '?' : format.format(at)
}

function Progress({ taking, texts, now }: { taking: TakingRow; texts: ReferenceTexts; now: number }) {
  const left = Math.max(0, Date.parse(taking.until) - now) / 1000
  return (
    <>
      <p role="status">{texts.looking}</p>
      <progress aria-label={texts.looking} max={lookS} value={Math.min(lookS, lookS - left)} />
    </>
  )
}

function Outcome({ taking: { outcome }, texts }: { taking: TakingRow; texts: ReferenceTexts }) {
  if (outcome === null) return null
  if (outcome === 'taken') return <p role="status">{texts.taken}</p>
  return (
    <p class="problem" role="alert">
      {texts.refused(texts.why[outcome.code] ?? outcome.error)}
    </p>
  )
}

export interface NoticesProps {
  takings: readonly TakingRow[]
  rooms: readonly RoomRow[]
  words: Words
  now: number
}

/** What is being taken, and what became of it: for those who have closed the dialog, and for the other screens of the ward. */
export function TakingNotices({ takings, rooms, words, now }: NoticesProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const texts = referenceTexts[words.code]
  const shown = takings.filter((taking) => taking.outcome === null || !hidden.has(idOf(taking)))
  return (
    <ul class="list">
      {shown.map((taking) => {
        const { device, camera, by, outcome } = taking
        const room = rooms.find((one) => one.device === device && one.camera === camera)
        return (
          <li class="panel" key={`${device}/${camera}`}>
            <p>
              <b>{texts.title(room ? placeOf(room, words) : camera)}</b> ({texts.by} <bdi>{by}</bdi>)
            </p>
            {outcome === null ? <Progress {...{ taking, texts, now }} /> : <Outcome {...{ taking, texts }} />}
            {outcome !== null && (
              <div class="buttons">
                <button type="button" onClick={() => setHidden(new Set([...hidden, idOf(taking)]))}>
                  {texts.hide}
                </button>
              </div>
            )}
          </li>
        )
      })}
    </ul>
  )
}

const idOf = ({ device, camera, until }: TakingRow): string => `${device}/${camera}/${until}`
