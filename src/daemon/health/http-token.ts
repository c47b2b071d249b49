import { createHash, timingSafeEqual } from 'node:crypto'

/** The token of `Authorization: Bearer …` (RFC 6750), or an empty string. */
export function bearerOf(header: string | undefined): string {
  return /^bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? ''
}

/** Takes the same time wherever the two differ, and whatever their lengths are. */
export function isSame(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token))
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
