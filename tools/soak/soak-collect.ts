/**
 * Loaded into the daemon of `npm run soak` before anything else: collects garbage on SIGUSR2, so that its heap can be told from
 * garbage. Twice, because what buffers held is given back only by the collection after the one that found it.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const pauseMs = 200

if (isMainThread) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  process.on('SIGUSR2', () => {
    collect()
    setTimeout(collect, pauseMs).unref()
  })
}
