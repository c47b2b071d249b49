import { createServer } from 'node:net'
import { PortInUseError } from '../../core/errors.js'
import { listenError, type Report } from '../../daemon/health/http.js'
import { type CheckContext, type CheckResult, failed, ok } from './result.js'

const what = 'http'
const answerMs = 3000

/** Whether `/live`, `/ready` and `/metrics` can be served where the config says: by listening there for a moment. */
export async function checkHttp({ config, signal }: CheckContext): Promise<CheckResult[]> {
  const { enabled, host, port, token } = config.http
  if (!enabled) return [ok(what, 'turned off')]
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const trouble = await listen(host, port)
  if (trouble === null) return [ok(what, `${address} is free`)]
  if (trouble instanceof PortInUseError && (await isPainlens(address, token, signal)))
    return [ok(what, `a painlens that is running answers on ${address}`)]
  return [failed(what, trouble)]
}

function listen(host: string, port: number): Promise<Error | null> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(listenError(host, port, error)))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

async function isPainlens(address: string, token: string | undefined, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/live`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)])
    })
    const { ok, parts } = (await answer.json()) as Partial<Report>
    return typeof ok === 'boolean' && Array.isArray(parts)
  } catch {
    return false
  }
}
