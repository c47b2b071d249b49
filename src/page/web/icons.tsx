/** Icons that differ in shape, not only in colour, for colour-blind users. No fonts and no emoji: a kiosk may have neither. */
import type { RoomLamp } from '../wire.js'

const shapes: Record<RoomLamp, string> = {
  watched: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z',
  pain: 'M8 1l7.5 14H.5z',
  no_face: 'M1 4h1.500v6H14V8.500c0-1.500-1-2.500-2.500-2.500H7v3H4V4H2.500V3H1zM1 10h14v3h-1.500v-1.500h-11V13H1z',
  paused: 'M3 2h4v12H3zM9 2h4v12H9z',
  unknown:
    'M6.800 10.500h2.400v-.8c0-.8.4-1.200 1.100-1.800C11.300 7 12 6.200 12 4.800 12 2.600 10.300 1 8 1 5.800 1 4.200 2.500 4 4.700h2.300c.1-1 .8-1.600 1.700-1.600 1 0 1.700.7 1.700 1.700 0 .8-.4 1.200-1.200 1.800-1 .8-1.700 1.600-1.700 3.100zM6.800 12.200h2.400V15H6.800z'
}

export const LampIcon = ({ lamp }: { lamp: RoomLamp }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
    <path d={shapes[lamp]} />
  </svg>
)

const marks = { high: 3, medium: 2, low: 1 }

/** One to three triangles, as many as the priority has. */
export const PriorityIcon = ({ priority }: { priority: keyof typeof marks }) => (
  <svg class="marks" viewBox={`0 0 ${marks[priority] * 12} 12`} aria-hidden="true">
    {Array.from({ length: marks[priority] }, (_, i) => (
      <path key={i} d={`M${i * 12 + 6} 1l5 10h-10z`} />
    ))}
  </svg>
)
