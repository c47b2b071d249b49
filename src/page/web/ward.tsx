import { useState } from 'preact/hooks'
import type { AlarmRow, BoxRow, RoomRow, Row, TakingRow } from '../wire.js'
import { Alarm, byUrgency } from './alarms.js'
import { LampIcon } from './icons.js'
import { type Pausable, PauseDialog } from './pause.js'
import type { NoticesProps, ReferenceProps } from './reference.js'
import { byPlace, placeOf, type ShownRoom, stateText } from './rooms.js'
import { screenOf } from './screen.js'
import { Sound } from './sound.js'
import type { Words } from './texts.js'

/** Most wards have no resting faces. */
const Reference = screenOf<ReferenceProps>(() => import('./reference.js'))
const Takings = screenOf<NoticesProps>(async () => ({ default: (await import('./reference.js')).TakingNotices }))

interface WardProps {
  rows: ReadonlyMap<string, Row>
  words: Words
  now: number
  /** Nothing has been heard for too long. */
  lost: boolean
}

export function WardView({ rows, words, now, lost }: WardProps) {
  const [pausing, setPausing] = useState<Pausable | null>(null)
  const [resting, setResting] = useState<Pausable | null>(null)
  const all = [...rows.values()]
  const alarms = all.filter((row): row is AlarmRow => row.kind === 'alarm').sort(byUrgency)
  const boxes = all.filter((row): row is BoxRow => row.kind === 'box')
  const takings = all.filter((row): row is TakingRow => row.kind === 'taking')
  const rooms = all.filter((row): row is RoomRow => row.kind === 'room').sort(byPlace)
  const shown = rooms.map((room): ShownRoom => (lost ? { ...room, lamp: 'unknown', why: 'link_lost' } : room))
  const roomOf = (of: Pausable | null) => shown.find((room) => of && isOf(room, of))
  const { available = false, beds = [] } = roomOf(pausing)?.reference ?? {}
  const restingRoom = roomOf(resting)
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
        {takings.length > 0 && <Takings {...{ takings, rooms, words, now }} />}
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
      {pausing && (
        <PauseDialog
          of={pausing}
          words={words}
          comfortable={
            available || beds.length > 0 ? { isHeld: beds.length > 0, open: () => setResting(pausing) } : null
          }
          onClose={() => setPausing(null)}
        />
      )}
      {restingRoom && (
        <Reference
          room={restingRoom}
          alarms={alarms.filter((alarm) => alarm.physiological && isOf(alarm, restingRoom))}
          taking={takings.find((taking) => isOf(taking, restingRoom)) ?? null}
          {...{ words, now }}
          onClose={() => setResting(null)}
        />
      )}
    </div>
  )
}

type Camera = Pick<AlarmRow, 'device' | 'camera'>
const isOf = ({ device, camera }: Camera, other: Camera): boolean => device === other.device && camera === other.camera

/** A camera's own trouble is no sign of pain. */
const isPainOf = (alarm: AlarmRow, room: ShownRoom): boolean =>
  alarm.physiological && alarm.ended === null && isOf(alarm, room)

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
        {restingStates(room).map((state) => (
          <span class="resting" key={state}>
            {words.resting[state]}
          </span>
        ))}
      </button>
    </li>
  )
}

/** Each state of a bed's resting face once. */
const restingStates = ({ reference }: ShownRoom) => [...new Set(reference?.beds.map(({ state }) => state))]
