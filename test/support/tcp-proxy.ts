import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  port: number
  /** Cuts every connection that goes through, without goodbye on either side. */
  cut(): void
  /** Whether connections go through at all; `false` cuts those that do. */
  open(open: boolean): void
  stop(): Promise<void>
}

/** Stands between a client and `target`, so that a test can break the network. */
export async function startTcpProxy(target: number, host = 'localhost'): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let isOpen = true
  const server = createServer((near) => {
    if (!isOpen) return near.destroy()
    const far = connect(target, host)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut,
    open: (open) => {
      isOpen = open
      if (!open) cut()
    },
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      cut()
      await closed
    }
  }
}
