/** How soon a picture that stands still is found after an encoder, and whether a sleeping room is taken for one. */
import { watchEncoded } from './encoded.js'
import { type Film, noisy, sleepingRoom } from './sleeping-room.js'
import { table } from './table.js'

const size = { width: 640, height: 360 }
const fps = 5
/** The still begins after so long. */
const liveS = 10
const seconds = 100

const x264 = '-c:v libx264 -preset veryfast -threads 1'
const camera = '-c:v libx264 -preset ultrafast -tune zerolatency -bf 0 -threads 1'
/** At a rate that is never exceeded, nor undercut for long. */
const constantRate = (rate: string): string => `-b:v ${rate} -maxrate ${rate} -bufsize ${rate}`

const encoders: Record<string, string> = {
  'MJPEG, quality 5': '-c:v mjpeg -q:v 5',
  'x264, constant quantiser 30, a key frame in 4 s': `${x264} -qp 30 -g 20`,
  'x264, quality 28, a key frame in 4 s': `${x264} -crf 28 -g 20`,
  'x264 as the simulated camera, a key frame in 1 s': `${camera} -g 5`,
  'x265, quality 28, a key frame in 4 s':
    '-c:v libx265 -preset ultrafast -crf 28 -x265-params log-level=error:keyint=20',
  'x264, 256 kbit/s on average, a key frame in 8 s': `${x264} -b:v 256k -g 40`,
  'x264, constant 64 kbit/s, a key frame in 4 s': `${x264} ${constantRate('64k')} -g 20`,
  'x264, constant 500 kbit/s, a key frame in 1 s': `${camera} ${constantRate('500k')} -g 5`,
  'x264, constant 1 Mbit/s, a key frame in 4 s': `${x264} ${constantRate('1M')} -g 20`,
  'x264, constant 2 Mbit/s, a key frame in 2 s': `${camera} ${constantRate('2M')} -g 10`,
  'x264, constant 1 Mbit/s down to quantiser 24, a key frame in 4 s': `${camera} ${constantRate('1M')} -qmin 24 -g 20`
}

const rooms: Record<string, { level: number; noise: number }> = {
  'day, noise 2.5': { level: 1, noise: 2.5 },
  'dusk, noise 0.5': { level: 0.25, noise: 0.5 },
  'night, noise 2.5': { level: 0.1, noise: 2.5 },
  'night, noise 1': { level: 0.1, noise: 1 }
}

/** Takes minutes. */
export async function frozenTable(): Promise<string> {
  const rows: string[][] = []
  const films = await Promise.all(Object.values(rooms).map(filmsOf))
  for (const [name, encoder] of Object.entries(encoders)) {
    const found: string[] = []
    let wrong = 0
    for (const { live, still } of films) {
      const watch = (film: Film) => watchEncoded({ ...size, fps, seconds, film, encoder: encoder.split(' ') })
      const at = (await watch(still)).indexOf('frozen')
      found.push(at < 0 ? `not in ${seconds - liveS}` : (at / fps - liveS).toFixed(1))
      wrong += (await watch(live)).filter((state) => state !== 'ok').length
    }
    rows.push([name, ...found, String(wrong)])
  }
  const head = ['encoder', ...Object.keys(rooms).map((name) => `still, ${name}: s`), 'live pictures not ok']
  return table(head, rows)
}

async function filmsOf({ level, noise }: { level: number; noise: number }): Promise<Record<'live' | 'still', Film>> {
  const live = noisy(await sleepingRoom(size, level), size.width, noise)
  const standing = Uint8Array.from(live(4711))
  return { live, still: (index) => (index < liveS * fps ? live(index) : standing) }
}
