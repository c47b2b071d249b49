import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Aedes } from 'aedes'
import { messageOf, PainlensError, PortInUseError } from '../../core/errors.js'

export interface DemoBroker {
  /** mqtt://host:port */
  url: string
  port: number
  /** Closes every connection and the port. */
  stop(): Promise<void>
}

/**
 * The demo's own broker (aedes: MQTT 3.1.1, nothing on disk, no passwords), for a machine that has none. Not for a
 * care home: it forgets everything when it stops.
 * @param options.port 0 for any free one
 * @throws {PortInUseError}
 */
export async function startBroker({ port, host = '127.0.0.1' }: { port: number; host?: string }): Promise<DemoBroker> {
  const broker = await Aedes.createBroker()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    broker.handle(socket)
  })
  try {
    await listen(server, port, host)
  } catch (error) {
    await closeBroker(broker)
    throw error
  }
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  const stop = async () => {
    await closeBroker(broker)
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { url: `mqtt://${host}:${bound}`, port: bound, stop }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`
      reject(
        error.code === 'EADDRINUSE'
          ? new PortInUseError('PL-DEMO-PORT', 'the port is in use', where)
          : new PainlensError('PL-DEMO-LISTEN', `the demo's broker cannot listen (${messageOf(error)})`, where)
      )
    })
    server.listen(port, host, resolve)
  })
}

/** One that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await listen(server, 0, '127.0.0.1')
  // It listens on a port: its address is no path.
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => broker.close(() => resolve()))
}
