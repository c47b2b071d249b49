/** Sessions as signed cookies: they survive a restart, and end by themselves. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DiskError } from '../core/errors.js'
import { writeWhole } from '../core/file-names.js'
import { type Role, roles } from './wire.js'

export interface Session {
  role: Role
  /** Who acknowledges, pauses and looks. */
  name: string
  /** ms since the epoch. */
  until: number
}

/** A shift and its handover. */
export const sessionMs = 12 * 3_600_000
const keyBytes = 32
const longestCookie = 1024

export class Sessions {
  readonly #key: Buffer

  /** @param tokens another one ends all sessions that were opened with the one before */
  constructor(key: Buffer, tokens: Readonly<Partial<Record<Role, string>>>) {
    this.#key = createHmac('sha256', key)
      .update(JSON.stringify(roles.map((role) => tokens[role])))
      .digest()
  }

  /** The cookie's value. */
  seal(session: Session): string {
    const text = Buffer.from(JSON.stringify(session)).toString('base64url')
    return `${text}.${this.#sign(text)}`
  }

  /** @returns the session of a cookie that is signed with this key and has not expired, else null */
  open(cookie: string | undefined, now = Date.now()): Session | null {
    if (cookie === undefined || cookie.length > longestCookie) return null
    const [text = '', signature = '', ...rest] = cookie.split('.')
    if (rest.length > 0 || !isSame(this.#sign(text), signature)) return null
    // Signed by painlens: it is what `seal` was given.
    const session = JSON.parse(Buffer.from(text, 'base64url').toString()) as Session
    return session.until > now && session.until <= now + sessionMs ? session : null
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}

/** The value of a cookie in the header of a request. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split('; ') ?? []) if (pair.startsWith(`${name}=`)) return pair.slice(name.length + 1)
  return undefined
}

/**
 * The key that cookies are signed with, made at the first start, 0600.
 * @param folder made if it is missing
 * @throws DiskError
 */
export async function sessionKey(folder: string): Promise<Buffer> {
  const path = join(folder, 'session.key')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const key = await readFile(path).catch(() => null)
    if (key?.length === keyBytes) return key
    const made = randomBytes(keyBytes)
    await writeWhole(path, (file) => file.writeFile(made), { replace: true })
    return made
  } catch (error) {
    throw new DiskError('PL-PAGE-STATE', `cannot be written (${(error as NodeJS.ErrnoException).code})`, path)
  }
}

/** In a time that depends neither on the lengths nor on the first difference. */
export const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
