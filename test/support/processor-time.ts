/**
 * Starts to count the processor time of this process, of all its threads. Unlike the time on the clock, it does not grow with
 * what other processes of a busy machine take.
 * @returns gives the ms since then
 */
export function countProcessorMs(): () => number {
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
}
