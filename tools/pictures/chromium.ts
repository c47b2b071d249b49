/** The real browser for pages: Chromium, from wherever Debian puts it. */
import { existsSync } from 'node:fs'
import type { Browser } from 'playwright-core'

/** Null where there is none. */
export const chromiumPath: string | null =
  ['/usr/lib/chromium/chromium', '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync) ?? null

/** @throws Error where there is no Chromium */
export async function openChromium(): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  return await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox', '--disable-gpu'] })
}
