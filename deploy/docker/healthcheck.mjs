#!/usr/bin/env node
// The image's HEALTHCHECK: 0 when painlens is ready, else 1 and a sentence with what is wrong.
//
// It is also what systemd's watchdog is outside of a container. Docker does not restart an unhealthy container, only
// what has ended: so a painlens that /live calls stuck at two checks in a row is killed, and its restart policy does the
// rest. A camera or a broker that is away makes it unhealthy and nothing more (docs/operate/supervision.md has the rule).
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openConfig } from '../../dist/config/index.js'

const answerMs = 5000
/** Process 1 is tini; painlens is its child. */
const childrenOfInit = '/proc/1/task/1/children'
const suspicion = join(tmpdir(), 'painlens-stuck')

const { values } = parseArgs({
  options: { config: { type: 'string' }, 'init-children': { type: 'string', default: childrenOfInit } }
})

try {
  const { config } = await openConfig(values.config, { tell: () => undefined })
  process.exitCode = await check(config.http)
} catch (error) {
  fail(error.message)
}

async function check({ enabled, host, port, token }) {
  if (!enabled) return fail('http.enabled is false in the config: the state of painlens cannot be queried')
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const base = `http://${address.includes(':') ? `[${address}]` : address}:${port}`
  const ask = (path) => fetchJson(`${base}${path}`, token)
  const live = await ask('/live')
  if (live.stuck) return stuckFor(live)
  rmSync(suspicion, { force: true })
  const ready = live.ok ? await ask('/ready') : live
  if (!ready.ok) return fail(ready.why)
  process.stdout.write('ready\n')
  return 0
}

/** @returns whether it is fine; whether a restart may mend it: it says so itself, or is there and does not answer */
async function fetchJson(url, token) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(answerMs) })
    const body = await answer.json()
    if (answer.ok) return { ok: true, stuck: false, why: '' }
    const parts = (body.parts ?? []).map(({ part, why }) => `${part}: ${why}`).join('; ')
    return { ok: false, stuck: answer.status === 503, why: parts || `${url} answers ${answer.status}` }
  } catch (error) {
    // A port that is closed is a painlens that starts, or one whose port was taken.
    const silent = error.name === 'TimeoutError'
    return { ok: false, stuck: silent, why: silent ? `no answer within ${answerMs} ms` : `${url}: ${causeOf(error)}` }
  }
}

/** The first time it is only noted. */
function stuckFor({ why }) {
  const pid = painlensPid()
  if (pid !== null && readOr(suspicion, '') === String(pid)) {
    rmSync(suspicion, { force: true })
    process.kill(pid, 'SIGKILL')
    return fail(`stuck at two checks in a row and ended, to be restarted: ${why}`)
  }
  writeFileSync(suspicion, String(pid))
  return fail(`stuck: ${why}`)
}

/** Its process id, which is not the same for the next one; null where this is no container with tini. */
function painlensPid() {
  const pid = Number(readOr(values['init-children'], '').trim().split(' ')[0])
  return pid > 1 ? pid : null
}

function readOr(file, fallback) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return fallback
  }
}

function causeOf(error) {
  return error.cause?.code ?? error.message
}

function fail(sentence) {
  process.stdout.write(`${sentence}\n`)
  process.exitCode = 1
  return 1
}
