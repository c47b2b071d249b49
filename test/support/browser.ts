/** A real Chromium, driven by playwright-core; its own binary, since a wrapper script would not end with it. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type Page as BrowserPage, chromium } from 'playwright-core'
import { expect } from 'vitest'
import { chromiumPath } from '../expected-skips.js'

export const hasChromium = existsSync(chromiumPath)

export const launchChromium = (): Promise<Browser> =>
  // Root has no sandbox in Chromium; the pages are painlens's own.
  chromium.launch({ executablePath: chromiumPath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  id: string
  nodes: { html: string }[]
}

/** Fails where axe-core finds anything. It comes by the debugger, which the page's policy for scripts does not stop. */
export async function expectAccessible(page: BrowserPage, what: string): Promise<void> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run()')
  expect(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
    what
  ).toEqual([])
}
