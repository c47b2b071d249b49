import { useState } from 'preact/hooks'
import type { AlarmRow, BoxRow, RoomRow, Row } from '../wire.js'
import { Alarm, byUrgency } from './alarms.js'
import { LampIcon } from './icons.js'
import { type Pausable, PauseDialog } from './pause.js'
import { Sound } from './sound.js'
import type { ShownReason, Words } from './texts.js'

/** A room as it is shown: without a connection, nothing is known of any. */
type ShownRoom = Omit<RoomRow, 'why'> & { why: ShownReason | null }

type Place = Pick<RoomRow, 'camera' | 'ward' | 'room' | 'bed'>

interface WardProps {
  rows: ReadonlyMap<string, Row>
  words: Words
  now: number
  /** Nothing has been heard for too long. */
  lost: boolean
}

export function Ward({ rows, words, now, lost }: WardProps) {
  const [pausing, setPausing] = useState<Pausable | null>(null)
  const all = [...rows.values()]
  const alarms = all.filter((row): row is AlarmRow => row.kind === 'alarm').sort(byUrgency)
  const boxes = all.filter((row): row is BoxRow => row.kind === 'box')
  const rooms = all.filter((row): row is RoomRow => row.kind === 'room').sort(byPlace)
  const shown = rooms.map((room): ShownRoom => (lost ? { ...room, lamp: 'unknown', why: 'link_lost' } : room))
  return (
    <div class="ward">
      <section aria-labelledby="alarms-title">
        <div class="title">
          <h2 id="alarms-title">{words.alarms(alarms.length)}</h2>
          <Sound alarms={alarms} words={words} />
        </div>
        <div class="list" aria-live="assertive" aria-relevant="additions">
          {alarms.length === 0 && <p class="dim">{words.noAlarm}</p>}
          {alarms.map((alarm) => (
            <Alarm key={`${alarm.device}/${alarm.id}`} {...{ alarm, words, now }} onPause={setPausing} />
          ))}
        </div>
      </section>
      <section aria-labelledby="rooms-title">
        <h2 id="rooms-title">{words.rooms}</h2>
        {boxes.map(({ device, why }) => (
          <div key={device}>
            {boxes.length > 1 && (
              <h3 class="box">
                {words.box(device)}
                {why && !lost ? ` – ${words.why[why]}` : ''}
              </h3>
            )}
            <ul class="lamps">
              {shown
                .filter((room) => room.device === device)
                .map((room) => (
                  <Lamp
                    key={room.camera}
                    {...{ room, words }}
                    alarm={alarms.find((alarm) => isPainOf(alarm, room)) ?? null}
                    onPress={setPausing}
                  />
                ))}
            </ul>
          </div>
        ))}
      </section>
      {pausing && <PauseDialog of={pausing} words={words} onClose={() => setPausing(null)} />}
    </div>
  )
}

/** A camera's own trouble is no sign of pain. */
const isPainOf = ({ device, camera, physiological, ended }: AlarmRow, room: ShownRoom): boolean =>
  physiological && ended === null && device === room.device && camera === room.camera

const collator = new Intl.Collator(undefined, { numeric: true })
export const byPlace = (a: Place, b: Place): number =>
  collator.compare(a.ward ?? '', b.ward ?? '') ||
  collator.compare(a.room ?? a.camera, b.room ?? b.camera) ||
  collator.compare(a.bed ?? '', b.bed ?? '')

interface LampProps {
  room: ShownRoom
  alarm: AlarmRow | null
  words: Words
  onPress: (of: Pausable) => void
}

function Lamp({ room, alarm, words, onPress }: LampProps) {
  const { device, camera, lamp } = room
  const place = placeOf(room, words)
  const look = [lamp, lamp === 'pain' && alarm ? alarm.priority : '', alarm && !alarm.ack ? 'blinks' : ''].join(' ')
  return (
    <li>
      <button
        type="button"
        class={`lamp ${look}`}
        aria-haspopup="dialog"
        onClick={() => onPress({ device, camera, place, paused: lamp === 'paused' })}
      >
        <span class="place">
          <span class="hidden">{room.room === null ? '' : words.room} </span>
          <bdi>{room.room ?? camera}</bdi>
          {room.bed !== null && (
            <small>
              <span class="hidden">, {words.bed} </span>
              <bdi>{room.bed}</bdi>
            </small>
          )}
        </span>
        <span class="state">
          <LampIcon lamp={lamp} />
          {stateText(room, words)}
        </span>
      </button>
    </li>
  )
}

function stateText({ lamp, why, until }: ShownRoom, words: Words): string {
  if (lamp === 'unknown') return words.unknown(words.why[why ?? 'box_unheard'])
  return lamp === 'paused' && until !== null ? words.pausedUntil(words.clock(until)) : words.lamp[lamp]
}

export function placeOf({ room, bed, camera }: Place, words: Words): string {
  const parts = [room === null ? '' : `${words.room} ${room}`, bed === null ? '' : `${words.bed} ${bed}`]
  return parts.filter((part) => part !== '').join(', ') || camera
}
