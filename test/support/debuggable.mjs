// Loaded into a painlens process by a test (see kill-worker.ts): lends its debugger over the channel to the parent.
import { Session } from 'node:inspector'
import { isMainThread } from 'node:worker_threads'

let session

const acts = {
  connect() {
    session = new Session()
    session.connect()
    session.on('inspectorNotification', (event) => process.send({ event }))
  },
  disconnect: () => session.disconnect(),
  post: ({ id, method, params }) => session.post(method, params, (error) => process.send({ id, error }))
}

if (isMainThread && process.channel) {
  process.on('message', (message) => acts[message.act](message))
  // Or painlens could not end by itself.
  process.channel.unref()
}
