/** What has been in a ward from one time to another, made from the lines of its history. */
import Papa from 'papaparse'
import type { HistoryEntry } from './history.js'
import type { NightAlarm, NightAnswer, NightLane, NightPlace, NightSpan } from './wire.js'

export interface NightRange {
  /** In ms since the epoch. */
  from: number
  to: number
}

/** What follows from the lines alone. */
export type RecordedNight = Omit<NightAnswer, 'recorded' | 'feedback'>

/** A line says how it is until the next one, unless that is later by more: painlens hung, or its clock was set. */
const gapMs = 90_000
/** Lines that were written together may be out of order by that. */
const jitterMs = 3000
const mostSpans = 20_000
const mostEvents = 5000

/** @param entries in the order in which they were written, which is not that of their times where the clock was set back */
export async function nightOf(
  entries: AsyncIterable<HistoryEntry> | Iterable<HistoryEntry>,
  range: NightRange & { now: number }
): Promise<RecordedNight> {
  const reader = new NightReader(range)
  for await (const entry of entries) reader.take(entry)
  return reader.finish()
}

interface Lane {
  place: NightPlace
  spans: NightSpan[]
  /** How it is since; null: not known. */
  open: Omit<NightSpan, 'to'> | null
}

interface Alarm extends NightAlarm {
  /** Known to be active at the last line. */
  live: boolean
}

class NightReader {
  readonly #range: NightRange & { now: number }
  readonly #lanes = new Map<string, Lane>()
  readonly #alarms = new Map<string, Alarm>()
  readonly #deeds: NightAnswer['deeds'] = []
  #last: number | null = null
  #spans = 0
  #cut = false

  constructor(range: NightRange & { now: number }) {
    this.#range = range
  }

  take(entry: HistoryEntry): void {
    const at = this.#pass(entry)
    if (entry.kind === 'room') this.#room(entry, at)
    else if (entry.kind === 'gone') this.#close(this.#lanes.get(keyOf(entry)), at)
    else if (entry.kind === 'alarm') this.#alarm(entry)
    else if (entry.kind === 'ack') this.#ack(entry)
    else if (entry.kind === 'end') this.#end(entry)
    else if (entry.kind === 'deed') this.#deed(entry)
  }

  finish(): RecordedNight {
    const { from, to, now } = this.#range
    for (const lane of this.#lanes.values()) this.#close(lane, this.#last ?? from)
    const last = this.#last ?? from
    for (const alarm of this.#alarms.values()) if (alarm.live) alarm.until = Math.max(alarm.until, last)
    const until = Math.min(to, now)
    const lanes = [...this.#lanes.values()].filter(({ spans }) => spans.length > 0)
    const alarms = [...this.#alarms.values()].filter(({ onset, until: end }) => onset < until && end >= from)
    return {
      ...{ from, to, now, cut: this.#cut, deeds: this.#deeds },
      lanes: lanes.map(({ place, spans }): NightLane => ({ ...place, spans: withoutGaps(spans, from, until) })),
      alarms: alarms.map(({ live: _, ...alarm }) => alarm).sort((a, b) => a.onset - b.onset)
    }
  }

  /** @returns the entry's time; that of the line before, where it is earlier by a little */
  #pass(entry: HistoryEntry): number {
    const last = this.#last
    const at = last !== null && entry.at < last && last - entry.at <= jitterMs ? last : entry.at
    this.#last = at
    const after = entry.kind === 'whole' && entry.after
    if (last === null || !(after || at < last || at - last > gapMs)) return at
    for (const lane of this.#lanes.values()) {
      const { open } = lane
      this.#close(lane, last)
      // The lamps are as they were, and from here on it is known again; another run of painlens says them anew.
      lane.open = after ? null : open && { ...open, from: at }
    }
    for (const alarm of this.#alarms.values()) {
      if (alarm.live) alarm.until = Math.max(alarm.until, last)
      alarm.live &&= !after
    }
    return at
  }

  #room(entry: Extract<HistoryEntry, { kind: 'room' }>, at: number): void {
    const key = keyOf(entry)
    const { device, camera, ward, room, bed, lamp, why } = entry
    const place = { device, camera, ward, room, bed }
    const lane = this.#lanes.get(key) ?? { place, spans: [], open: null }
    this.#lanes.set(key, lane)
    this.#close(lane, at)
    lane.place = place
    lane.open = { from: at, lamp, why }
  }

  #close(lane: Lane | undefined, at: number): void {
    if (!lane?.open) return
    const { open } = lane
    lane.open = null
    const from = Math.max(open.from, this.#range.from)
    const to = Math.min(at, this.#range.to, this.#range.now)
    if (to <= from) return
    if (this.#spans >= mostSpans) {
      this.#cut = true
      return
    }
    this.#spans++
    put(lane.spans, { ...open, from, to })
  }

  #alarm(entry: Extract<HistoryEntry, { kind: 'alarm' }>): void {
    const { kind: _, at, ...about } = entry
    const key = JSON.stringify([entry.device, entry.id])
    const known = this.#alarms.get(key)
    if (known) known.live = !known.ended
    else if (this.#isRoom(this.#alarms.size)) {
      const until = Math.max(at, entry.onset)
      const begun = { ...about, until, ended: false, acks: [], live: true, margin: null, referenced: false }
      this.#alarms.set(key, begun)
    }
  }

  /** One whose alarm is in no file any more goes nowhere, as an end does. */
  #ack({ device, id, by, as, acked }: Extract<HistoryEntry, { kind: 'ack' }>): void {
    const acks = this.#alarms.get(JSON.stringify([device, id]))?.acks
    // It is noted again after a restart.
    if (acks && acks.length < 50 && !acks.some((ack) => ack.at === acked)) acks.push({ by, kind: as, at: acked })
  }

  #end({ device, id, ended, margin = null, referenced = false }: Extract<HistoryEntry, { kind: 'end' }>): void {
    const alarm = this.#alarms.get(JSON.stringify([device, id]))
    const over = { ended: true, live: false, until: ended, margin, referenced }
    if (alarm && !alarm.ended) Object.assign(alarm, over)
  }

  #deed({ kind: _, ...deed }: Extract<HistoryEntry, { kind: 'deed' }>): void {
    const { from, to } = this.#range
    if (deed.at >= from && deed.at <= to && this.#isRoom(this.#deeds.length)) this.#deeds.push(deed)
  }

  #isRoom(count: number): boolean {
    if (count >= mostEvents) this.#cut = true
    return count < mostEvents
  }
}

const keyOf = ({ device, camera }: { device: string; camera: string }): string => JSON.stringify([device, camera])

/** Adds a span. What it overlaps was noted before the clock was set back: the later word counts. */
function put(spans: NightSpan[], span: NightSpan): void {
  const last = spans.at(-1)
  if (last && last.to === span.from && last.lamp === span.lamp && last.why === span.why) {
    last.to = span.to
    return
  }
  if (last && last.to > span.from) {
    const rest = spans.flatMap((one) => [
      { ...one, to: Math.min(one.to, span.from) },
      { ...one, from: Math.max(one.from, span.to) }
    ])
    spans.splice(0, spans.length, ...rest.filter(({ from, to }) => from < to))
  }
  spans.push(span)
}

function withoutGaps(spans: readonly NightSpan[], from: number, to: number): NightSpan[] {
  const whole: NightSpan[] = []
  let at = from
  const unknownUntil = (until: number): void => {
    if (until > at) whole.push({ from: at, to: until, lamp: 'unknown', why: 'not_recorded' })
  }
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    unknownUntil(span.from)
    whole.push(span)
    at = span.to
  }
  unknownUntil(to)
  return whole
}

/** A line for each span, alarm, acknowledgement and deed, by time; a cell that a spreadsheet would compute is text. */
export function nightCsv({ lanes, alarms, deeds }: RecordedNight): string {
  const places = new Map(lanes.map((lane) => [keyOf(lane), lane]))
  const placeOf = (device: string, camera: string | null) => {
    const { ward = null, room = null, bed = null } = (camera !== null && places.get(keyOf({ device, camera }))) || {}
    return { device, camera, ward, room, bed }
  }
  const time = (ms: number): string => new Date(ms).toISOString()
  const rows = [
    ...lanes.flatMap((lane) =>
      lane.spans.map(({ from, to, lamp, why }) => ({
        ...{ from: time(from), to: time(to), ...placeOf(lane.device, lane.camera), what: lamp as string },
        ...{ detail: why ?? '', by: '' }
      }))
    ),
    ...alarms.flatMap(({ device, camera, onset, until, ended, priority, text, test, acks }) => {
      const place = placeOf(device, camera)
      const what = test ? 'test_alarm' : 'alarm'
      return [
        { from: time(onset), to: ended ? time(until) : '', ...place, what, detail: `${priority}: ${text.en}`, by: '' },
        ...acks.map(({ at, kind, by }) => ({
          ...{ from: time(at), to: '', ...place, what: 'acknowledgement', detail: kind as string, by }
        }))
      ]
    }),
    ...deeds.map(({ at, device, camera, what, minutes, by }) => ({
      ...{ from: time(at), to: '', ...placeOf(device, camera), what: what as string },
      ...{ detail: minutes === null ? '' : `${minutes} min`, by }
    }))
  ]
  const sorted = rows.sort((a, b) => a.from.localeCompare(b.from))
  return csvOf(sorted, 'from to device camera ward room bed what detail by'.split(' '))
}

/** A line for each room that had alarms. */
export const feedbackCsv = ({ from, to, feedback }: NightAnswer): string => {
  const [night, until] = [new Date(from).toISOString(), new Date(to).toISOString()]
  const rows = feedback.map(({ advice, ...row }) => ({ from: night, to: until, ...row, advice: advice.en }))
  return csvOf(rows, 'from to device camera ward room bed alarms false_alarm seen unanswered advice'.split(' '))
}

/** The mark tells spreadsheets that it is UTF-8. */
const csvOf = (rows: readonly object[], columns: string[]): string =>
  `\ufeff${Papa.unparse([...rows], { columns, escapeFormulae: true })}\r\n`
