/** Writes at most one line per interval about a long piece of work, with the time it will still take. */
export function progressLine(
  title: string,
  write: (line: string) => void,
  intervalMs = 5000
): (done: number, total: number, note?: string) => void {
  const start = performance.now()
  let last = start
  return (done, total, note = '') => {
    const now = performance.now()
    if (done < total && now - last < intervalMs) return
    last = now
    const left = ((now - start) / done) * (total - done)
    const time = done < total ? `${duration(left)} left` : `done in ${duration(now - start)}`
    write(`${title}: ${done} of ${total}, ${time}${note && `, ${note}`}\n`)
  }
}

const hourS = 3600
const dayS = 24 * hourS

/** `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < hourS) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  if (seconds < dayS) return `${Math.floor(seconds / hourS)} h ${Math.floor((seconds % hourS) / 60)} min`
  return `${Math.floor(seconds / dayS)} d ${Math.floor((seconds % dayS) / hourS)} h`
}
