import type { Server, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { groupedBy } from './grouped.js'

/**
 * Holds a server to a number of connections by closing an old one for each that is too many, so that clients which open
 * connections and leave them unfinished never keep others out. Closed is the oldest connection of the address that has most,
 * idle or not: an address that floods the server loses its own connections, while a question of another address is
 * answered. Node.js's `maxConnections` would refuse the newest instead.
 * @param most number of connections that stay open
 */
export function limitConnections(server: Server, most: number): void {
  // In the order of their arrival.
  const open = new Map<Socket, string>()
  server.on('connection', (socket) => {
    open.set(socket, socket.remoteAddress ?? '')
    socket.once('close', () => open.delete(socket))
    if (open.size <= most) return
    const oldest = oldestOfLargest(open)
    open.delete(oldest)
    oldest.destroy()
  })
}

function oldestOfLargest(open: ReadonlyMap<Socket, string>): Socket {
  const ofAddress = groupedBy(open, ([, address]) => address)
  const [largest] = [...ofAddress.values()].sort((a, b) => b.length - a.length)
  return largest![0]![0]
}

/**
 * Cuts off a client that has sent `most` requests and one more by HTTP/1.1 without waiting for an answer (browsers never do). Node.js hands over all requests
 * of a packet at once, also those of a connection that is closed meanwhile: a flood of them would keep the event loop from
 * frames and from `/live` for a minute.
 */
export function limitPipelines(server: FastifyInstance, most: number): void {
  const unanswered = new WeakMap<Socket, number>()
  server.addHook('onRequest', async ({ raw: { socket, httpVersionMajor } }, reply) => {
    // HTTP/2 is held by its number of streams.
    if (httpVersionMajor > 1) return undefined
    const before = unanswered.get(socket) ?? 0
    if (socket.destroyed || before >= most) {
      socket.destroy()
      return reply.hijack()
    }
    unanswered.set(socket, before + 1)
    reply.raw.once('close', () => unanswered.set(socket, unanswered.get(socket)! - 1))
    return undefined
  })
}
