import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  port: number
  /** Cuts every connection that goes through, without goodbye on either side. */
  cut(): void
  /** Whether it takes connections; it does at first. */
  open: boolean
  stop(): Promise<void>
}

/** Stands between a client and `target`, so that a test can break the network. */
export async function startTcpProxy(target: number, host = 'localhost'): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const proxy: TcpProxy = { port: 0, open: true, cut, stop }
  const server = createServer((near) => {
    if (!proxy.open) {
      near.destroy()
      return
    }
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
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  proxy.port = typeof address === 'object' && address !== null ? address.port : 0
  return proxy

  function cut(): void {
    for (const socket of sockets) socket.destroy()
  }

  async function stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    cut()
    await closed
  }
}
