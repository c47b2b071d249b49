// THIRD-PARTY-NOTICES: every package that ships, with the text of its licence.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { manifestOf } from './packages.mjs'
import { insideLicences, remarks } from './ships.mjs'

const require = createRequire(import.meta.url)
const rule = '='.repeat(100)

/**
 * @param {readonly { name: string, folder: string }[]} packages
 * @returns {string} a part for each: name, version, licence, its texts
 * @throws Error where a licence has no text
 */
export function noticesOf(packages) {
  const head = 'painlens (Apache-2.0, see LICENSE) comes with the packages below, each under its own licence.\n'
  return [head, ...packages.map(noticeOf)].join(`\n${rule}\n`)
}

function noticeOf({ name, folder }) {
  const manifest = manifestOf(folder)
  const remark = Object.entries(remarks)
    .find(([one]) => one === name)?.[1]
    ?.replace('VERSION', manifest.version)
  const source = typeof manifest.repository === 'string' ? manifest.repository : manifest.repository?.url
  const texts = [...ownTexts(folder), ...insideTexts(name, folder)]
  if (texts.length === 0) texts.push(...spdxIds(manifest.license).map((id) => standardText(id, manifest, source)))
  const title = [`${name} ${manifest.version}`, `Licence: ${manifest.license}`, source && `Source: ${source}`, remark]
  return [title.filter(Boolean).join('\n'), ...texts.map((text) => text.trim())].join('\n\n')
}

/** What the package itself brings. */
function ownTexts(folder) {
  return readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|notice|copyright|third-?party)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .filter((text) => text.trim() !== '')
}

/** Of a package of compiled libraries: the table that its README has of them, and the licences' texts. */
function insideTexts(name, folder) {
  const ids = Object.entries(insideLicences).find(([prefix]) => name.startsWith(prefix))?.[1]
  if (!ids) return []
  const readme = existsSync(join(folder, 'README.md')) ? readFileSync(join(folder, 'README.md'), 'utf8') : ''
  const table = readme.slice(readme.indexOf('## Licensing'))
  return [table, ...ids.map((id) => `${id}\n\n${spdxText(id)}`)]
}

/** Of `(MIT OR Apache-2.0)` the first, of `MIT AND Zlib` both. */
function spdxIds(expression) {
  if (typeof expression !== 'string') throw new Error(`${JSON.stringify(expression)} is no SPDX expression`)
  return expression
    .replace(/[()]/g, '')
    .split(/\s+OR\s+/)[0]
    .split(/\s+AND\s+/)
}

/** The licence's standard text, with the authors from package.json in the place of its blanks. */
function standardText(id, { name, author, contributors }, source) {
  const holder = nameOf(author) ?? nameOf(contributors?.[0]) ?? `the authors of ${name}${source ? ` (${source})` : ''}`
  const text = spdxText(id)
  const filled = text.replace(/<year> /g, '').replace(/<(copyright holders?|owner)>/g, holder)
  return filled === text ? `Copyright (c) ${holder}\n\n${text}` : filled
}

const nameOf = (person) => (typeof person === 'string' ? person : person?.name)

function spdxText(id) {
  const file = `spdx-license-list/licenses/${id}.json`
  try {
    return require(file).licenseText
  } catch {
    throw new Error(`there is no text of the licence ${id}`)
  }
}
