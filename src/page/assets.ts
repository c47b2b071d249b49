/** The files that a browser gets: read once, compressed once. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { PainlensError } from '../core/errors.js'

interface Asset {
  type: string
  plain: Buffer
  brotli: Buffer
  /** Whether its name contains the hash of its content. */
  immutable: boolean
}

export interface Assets {
  byPath: ReadonlyMap<string, Asset>
  /** Changes with the files. */
  build: string
}

/** What the build makes; no other file is served. */
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}

const compress = promisify(brotliCompress)

/** Beside this file in `dist`; under test, where this file is a source, in the build too. */
const builtFolder = fileURLToPath(new URL('../../dist/page/web/', import.meta.url))

/** @throws PainlensError where the build has made none */
export async function readAssets(folder = builtFolder): Promise<Assets> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const files = names.filter((name) => extname(name) in types)
  if (!files.includes('index.html'))
    throw new PainlensError('PL-PAGE-FILES', 'the files of the page are missing', folder)
  const hash = createHash('sha256')
  const byPath = new Map<string, Asset>()
  for (const name of files.sort()) {
    const plain = await readFile(join(folder, name))
    hash.update(plain)
    const asset = {
      type: types[extname(name)]!,
      plain,
      brotli: await compress(plain),
      immutable: name !== 'index.html'
    }
    byPath.set(name === 'index.html' ? '/' : `/${name}`, asset)
  }
  return { byPath, build: hash.digest('base64url').slice(0, 12) }
}

export function serveAssets(server: FastifyInstance, { byPath }: Assets): void {
  for (const [path, { type, plain, brotli, immutable }] of byPath)
    server.get(path, async (request, reply) => {
      const takesBrotli = /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''))
      reply.header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
      reply.header('vary', 'accept-encoding').type(type)
      return takesBrotli ? reply.header('content-encoding', 'br').send(brotli) : reply.send(plain)
    })
}
