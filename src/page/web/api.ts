/** Requests to the box that serves the page. */
import type { Refusal, SessionAnswer } from '../wire.js'

/** The answer to a request, or why it failed. */
export type ApiAnswer<T> = { ok: true; value: T } | { ok: false; status: number; refusal: Refusal }

/** The request did not come through. */
const unreachable: ApiAnswer<never> = {
  ok: false,
  status: 0,
  refusal: { code: 'PL-PAGE-LINK', error: 'painlens cannot be reached' }
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<ApiAnswer<T>> {
  try {
    const response = await fetch(path, init)
    const body = (await response.json()) as T & Refusal
    return response.ok ? { ok: true, value: body } : { ok: false, status: response.status, refusal: body }
  } catch {
    return unreachable
  }
}

export const get = <T>(path: string): Promise<ApiAnswer<T>> => ask(path)

export const session = (): Promise<ApiAnswer<SessionAnswer>> => ask('/api/session')

export function post<T = object>(path: string, body: object = {}): Promise<ApiAnswer<T>> {
  const headers = { 'content-type': 'application/json' }
  return ask(path, { method: 'POST', headers, body: JSON.stringify(body) })
}
