/** What has been in each room from one noon to the next: a lane for the eye, and a table of the same. */
import { useEffect, useState } from 'preact/hooks'
import { nightAt } from '../../contract/feedback.js'
import type { NightAlarm, NightAnswer, NightLane, NightPlace, NightSpan } from '../wire.js'
import { get } from './api.js'
import { AnswersTable } from './feedback.js'
import { type NightTexts, nightTexts } from './night-texts.js'
import { byPlace, placeOf } from './rooms.js'
import type { Words } from './texts.js'

const againMs = 60_000
/** Of the drawing: minutes of a day, and any height. */
const [wide, high] = [1440, 24]
const mostRows = 200

export default function Night({ words }: { words: Words }) {
  const [back, setBack] = useState(0)
  const [night, setNight] = useState<NightAnswer | null>(null)
  const [problem, setProblem] = useState('')
  const texts = nightTexts[words.code]
  const { from, to } = nightAt(new Date(), back)
  const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString() }).toString()
  useEffect(() => {
    setNight(null)
    let left = false
    const ask = async (): Promise<void> => {
      const answer = await get<NightAnswer>(`/api/night?${query}`)
      if (left) return
      setProblem(answer.ok ? '' : words.failed(answer.refusal.error))
      if (answer.ok) setNight(answer.value)
    }
    void ask()
    const again = setInterval(() => void ask(), againMs)
    return () => {
      left = true
      clearInterval(again)
    }
  }, [query])
  const dates = new Intl.DateTimeFormat(words.locale, { weekday: 'short', day: 'numeric', month: 'long' })
  return (
    <section aria-labelledby="night-title">
      <h2 id="night-title">{texts.title(dates.formatRange(from, to))}</h2>
      <div class="buttons">
        <button type="button" onClick={() => setBack(back + 1)}>
          {texts.earlier}
        </button>
        <button type="button" disabled={back === 0} onClick={() => setBack(back - 1)}>
          {texts.later}
        </button>
        <a class="button" href={`/api/night.csv?${query}`} download>
          {texts.csv}
        </a>
      </div>
      <p class="dim">{texts.hint}</p>
      {night?.recorded === false && (
        <p class="problem" role="alert">
          {texts.notRecordedNow}
        </p>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {night ? <Shown {...{ night, words, texts }} /> : !problem && <p>{words.loading}</p>}
      {night && night.feedback.length > 0 && <AnswersTable rows={night.feedback} {...{ query, words, texts }} />}
    </section>
  )
}

interface ShownProps {
  night: NightAnswer
  words: Words
  texts: NightTexts
}

function Shown({ night, words, texts }: ShownProps) {
  const lanes = [...night.lanes].sort(byPlace)
  if (lanes.length + night.alarms.length + night.deeds.length === 0) return <p>{texts.nothing}</p>
  return (
    <>
      {night.cut && <p class="problem">{texts.cut}</p>}
      <ul class="legend" aria-hidden="true">
        {(['watched', 'no_face', 'paused', 'unknown', 'alarm', 'ack'] as const).map((what) => (
          <li key={what}>
            <svg class="strip" viewBox={`0 0 36 ${high}`} aria-hidden="true">
              {what !== 'unknown' && <path class="known" d={bar(0, 36)} />}
              <path class={what === 'alarm' ? 'pain high' : what} d={shapes[what](0, 36)} />
            </svg>{' '}
            {texts.legend[what]}
          </li>
        ))}
      </ul>
      <div class="lanes" aria-hidden="true">
        {lanes.map((lane) => (
          <div class="lane" key={`${lane.device}/${lane.camera}`}>
            <bdi>{placeOf(lane, words)}</bdi>
            <Strip {...{ lane, night }} />
          </div>
        ))}
        <Hours {...{ night, words }} />
      </div>
      <Rows {...{ night, words, texts }} lanes={lanes} />
    </>
  )
}

/** A rectangle over the whole height, or a part of it. */
const bar = (from: number, to: number, top = 0, bottom = high): string =>
  `M${from.toFixed(2)} ${top}H${to.toFixed(2)}V${bottom}H${from.toFixed(2)}z`

/** Each differs in shape, not only in colour. What is unknown is not drawn: it is the hatched ground. */
const shapes = {
  watched: (from: number, to: number) => bar(from, to, 9, 15),
  no_face: (from: number, to: number) => bar(from, to, 18, 21),
  paused: (from: number, to: number) => bar(from, to, 4, 7) + bar(from, to, 17, 20),
  unknown: () => '',
  alarm: (from: number, to: number) => bar(from, to, 1, high - 1),
  ack: (from: number, to: number) => `M${((from + to) / 2).toFixed(2)} 16v8`
}

function Strip({ lane, night }: { lane: NightLane; night: NightAnswer }) {
  const { from, to, now } = night
  const at = (ms: number): number => (Math.min(Math.max(ms - from, 0), to - from) / (to - from)) * wide
  const drawn = (what: keyof typeof shapes, spans: readonly NightSpan[]): string =>
    spans.map((span) => shapes[what](at(span.from), at(span.to))).join('')
  const known = lane.spans.filter(({ lamp }) => lamp !== 'unknown')
  const alarms = night.alarms.filter(
    ({ device, camera, physiological, test }) =>
      device === lane.device && camera === lane.camera && physiological && !test
  )
  return (
    <svg class="strip" viewBox={`0 0 ${wide} ${high}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="known" d={known.map((span) => bar(at(span.from), at(span.to))).join('')} />
      {now < to && <path class="future" d={bar(at(now), wide)} />}
      <path
        class="watched"
        d={drawn(
          'watched',
          known.filter(({ lamp }) => lamp === 'watched' || lamp === 'pain')
        )}
      />
      <path
        class="no_face"
        d={drawn(
          'no_face',
          known.filter(({ lamp }) => lamp === 'no_face')
        )}
      />
      <path
        class="paused"
        d={drawn(
          'paused',
          known.filter(({ lamp }) => lamp === 'paused')
        )}
      />
      {alarms.map((alarm) => {
        const begin = at(alarm.onset)
        // An alarm of seconds is seen, too.
        return (
          <path
            key={alarm.id}
            class={`pain ${alarm.priority}`}
            d={shapes.alarm(begin, Math.max(at(alarm.until), begin + 8))}
          />
        )
      })}
      <path
        class="ack"
        d={alarms.flatMap(({ acks }) => acks.map((ack) => shapes.ack(at(ack.at), at(ack.at)))).join('')}
      />
    </svg>
  )
}

const hours = [0, 1, 2, 3, 4, 5, 6, 7]

function Hours({ night: { from, to }, words }: { night: NightAnswer; words: Words }) {
  return (
    <div class="hours dim">
      {hours.map((part) => (
        <span key={part}>{timeText(from + (part / hours.length) * (to - from), words)}</span>
      ))}
    </div>
  )
}

const timeText = (ms: number, words: Words): string => words.clock(new Date(ms).toISOString())

interface Line {
  at: number
  time: string
  place: string
  what: string
}

function Rows({ night, lanes, words, texts }: ShownProps & { lanes: readonly NightLane[] }) {
  const [most, setMost] = useState(mostRows)
  const lines = linesOf(night, lanes, words, texts)
  return (
    <>
      <table>
        <caption>
          <h3>{texts.table}</h3>
          <span class="dim">{texts.tableHint}</span>
        </caption>
        <thead>
          <tr>
            <th scope="col">{texts.time}</th>
            <th scope="col">{words.room}</th>
            <th scope="col">{texts.what}</th>
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, most).map(({ time, place, what }, i) => (
            <tr key={i}>
              <td>{time}</td>
              <td>
                <bdi>{place}</bdi>
              </td>
              <td>
                <bdi>{what}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > most && (
        <button type="button" onClick={() => setMost(most + 1000)}>
          {texts.more(Math.min(lines.length - most, 1000))}
        </button>
      )}
    </>
  )
}

function linesOf(night: NightAnswer, lanes: readonly NightLane[], words: Words, texts: NightTexts): Line[] {
  const time = (ms: number): string => timeText(ms, words)
  const span = (from: number, to: number): string =>
    to >= night.now ? `${time(from)} –` : `${time(from)} – ${time(to)}`
  const placeAt = (device: string, camera: string | null): string => {
    const lane: NightPlace | undefined = lanes.find((one) => one.device === device && one.camera === camera)
    return lane ? placeOf(lane, words) : (camera ?? words.box(device))
  }
  const states = lanes.flatMap((lane) =>
    lane.spans.flatMap(({ from, to, lamp, why }): Line[] => {
      if (lamp === 'watched' || lamp === 'pain') return []
      const reason = why === 'not_recorded' ? texts.notRecorded : words.why[why ?? 'box_unheard']
      const what = lamp === 'unknown' ? words.unknown(reason) : words.lamp[lamp]
      return [{ at: from, time: span(from, to), place: placeOf(lane, words), what }]
    })
  )
  const alarms = night.alarms.map((alarm): Line => {
    const { device, camera, onset, until, ended } = alarm
    const when = ended
      ? `${time(onset)} – ${time(until)}`
      : until >= night.now - againMs
        ? `${time(onset)} –`
        : texts.until(time(onset))
    return { at: onset, time: when, place: placeAt(device, camera), what: alarmText(alarm, words, texts) }
  })
  const deeds = night.deeds.map(
    ({ at, device, camera, what, by, minutes }): Line => ({
      ...{ at, time: time(at), place: placeAt(device, camera), what: texts.deed(what, by, minutes) }
    })
  )
  return [...states, ...alarms, ...deeds].sort((a, b) => a.at - b.at)
}

function alarmText({ priority, text, test, acks }: NightAlarm, words: Words, texts: NightTexts): string {
  const acked = acks.map(({ by, kind, at }) => `${by}: ${words.acknowledgement[kind]}, ${timeText(at, words)}`)
  const said = `${test ? texts.test : ''}${texts.alarm(words.priority[priority], text[words.code])}`
  return [said, ...(acked.length > 0 ? acked : [texts.unacknowledged])].join(' · ')
}
