import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Starts a garbage collection. Meant for one moment: a large model's arrays are no longer needed, and as much memory is
 * about to be taken again outside of V8's sight, so nothing else would make it give the arrays back in time.
 */
export function collectGarbage(): void {
  // The flag is the whole process's, and stays: a thread that took it back would take it from another one that collects just now.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

/**
 * Gives shared memory back that this thread has no use for any more. V8 does not count it, so that however much of it there is
 * nothing makes it collect. Two collections, for what the first one finds is given back by the second.
 */
export function collectShared(): void {
  collectGarbage()
  collectGarbage()
}
