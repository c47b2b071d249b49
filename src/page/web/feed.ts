/** The stream of events: rows by key, and the time since the last event of any kind. */
import { useEffect, useState } from 'preact/hooks'
import type { BeatEvent, Row, RowsEvent } from '../wire.js'
import { session } from './api.js'

export interface WardFeed {
  /** Null until the first event. */
  rows: ReadonlyMap<string, Row> | null
  /** Since the last event. */
  silentMs: number
  /** The time of day by the box's clock, in ms: the browser's may be set wrong. */
  now: number
}

/** Silence after which all rows count as out of date, in ms. */
export const lostMs = 10_000
const tickMs = 500
/** Interval at which a refused or silent connection is opened again, in ms. */
const reopenMs = 3000

interface Heard {
  /** By the box's clock. */
  boxMs: number
  /** By the browser's clocks: one may stand still while the device sleeps, the other may be set. */
  date: number
  monotonic: number
}

const heardNow = (at: string): Heard => ({ boxMs: Date.parse(at), date: Date.now(), monotonic: performance.now() })

const since = ({ date, monotonic }: Heard): number => Math.max(Date.now() - date, performance.now() - monotonic)

/** @param onLoggedOut the session has run out */
export function useFeed(onLoggedOut: () => void): WardFeed {
  const [rows, setRows] = useState<ReadonlyMap<string, Row> | null>(null)
  const [heard, setHeard] = useState<Heard>(() => heardNow(new Date().toISOString()))
  const [, setTicks] = useState(0)
  useEffect(() => {
    const stop = listen({
      onRows: ({ at, whole, rows: told }) => {
        setHeard(heardNow(at))
        setRows((before) => merged(whole ? null : before, told))
      },
      onBeat: ({ at }) => setHeard(heardNow(at)),
      onLoggedOut
    })
    const ticking = setInterval(() => setTicks((count) => count + 1), tickMs)
    return () => {
      stop()
      clearInterval(ticking)
    }
  }, [])
  const silentMs = since(heard)
  return { rows, silentMs, now: heard.boxMs + silentMs }
}

function merged(before: ReadonlyMap<string, Row> | null, told: RowsEvent['rows']): ReadonlyMap<string, Row> {
  const rows = new Map(before)
  for (const [key, row] of Object.entries(told)) {
    if (row === null) rows.delete(key)
    else rows.set(key, row)
  }
  return rows
}

interface Listener {
  onRows: (event: RowsEvent) => void
  onBeat: (event: BeatEvent) => void
  onLoggedOut: () => void
}

/** @returns ends it */
function listen({ onRows, onBeat, onLoggedOut }: Listener): () => void {
  let source: EventSource
  let opening: ReturnType<typeof setTimeout> | undefined
  let silence: ReturnType<typeof setTimeout> | undefined
  let build: string | null = null
  let ended = false
  const reopen = (): void => {
    clearTimeout(opening)
    source.close()
    opening = setTimeout(open, reopenMs)
  }
  const alive = (): void => {
    clearTimeout(silence)
    // A box that lost its power closes no connection.
    silence = setTimeout(reopen, lostMs)
  }
  const open = (): void => {
    if (ended) return
    source = new EventSource('/api/events')
    alive()
    source.addEventListener('rows', ({ data }: MessageEvent<string>) => {
      alive()
      onRows(JSON.parse(data) as RowsEvent)
    })
    source.addEventListener('beat', ({ data }: MessageEvent<string>) => {
      alive()
      const beat = JSON.parse(data) as BeatEvent
      if (build !== null && build !== beat.build) location.reload()
      build = beat.build
      onBeat(beat)
    })
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return
      // It was refused, which EventSource does not say why.
      void session().then((answer) => {
        if (!answer.ok && answer.status === 401) onLoggedOut()
        else reopen()
      })
    })
  }
  open()
  return () => {
    ended = true
    clearTimeout(opening)
    clearTimeout(silence)
    source.close()
  }
}
