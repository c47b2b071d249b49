import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Starts a garbage collection. Meant for one moment: a large model's arrays are no longer needed, and as much memory is
 * about to be taken again outside of V8's sight, so nothing else would make it give the arrays back in time.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  collect()
}
