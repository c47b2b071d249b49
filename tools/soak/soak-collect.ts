/** Loaded into the daemon of `npm run soak` before anything else: collects garbage on SIGUSR2, so that its heap can be told from garbage. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  process.on('SIGUSR2', collect)
}
