import { fileURLToPath } from 'node:url'

/** Asks a worker to end after its present call. */
export const closeRequest = 'close'

/** A worker's methods: each takes one structured-cloneable argument and answers with one. */
export type Methods = Record<string, (argument: never) => unknown>

export type Request = { id: number; method: string; argument: unknown }
/** An error on its way between threads. `said` is there where it is one of painlens's own classes, whose `name` it is then. */
export type Failure = {
  name: string
  message: string
  /** Ours, or the system's (`ENOSPC`). */
  code?: string | number
  said?: { what: string; where: string; fix: string }
  cause?: Failure
}
export type Answer = { id: number; value: unknown } | { id: number; failure: Failure }

/**
 * Where the compiled worker script beside the calling module lies. Workers cannot load TypeScript, so a module that is
 * run from `src` (as vitest does) gets the script of the build.
 * @param caller `import.meta.url`
 * @param script `./worker.js`
 */
export function workerScript(caller: string, script: string): string {
  const beside = fileURLToPath(new URL(script, caller))
  if (!caller.endsWith('.ts')) return beside
  const tools = beside.lastIndexOf('/tools/')
  if (tools >= 0) return `${beside.slice(0, tools)}/tools/dist/${beside.slice(tools + 7)}`
  const cut = beside.lastIndexOf('/src/')
  return `${beside.slice(0, cut)}/dist/${beside.slice(cut + 5)}`
}
