import type { ReportLanguageCode } from '../choices.js'
import { escaped, type Part, type PartTable, partEnds, type Section } from './parts.js'

export interface ReportPage {
  language: ReportLanguageCode
  title: string
  /** Below the title. */
  lead: readonly string[]
  /** A link to another page of the report, by its words. */
  links: readonly { to: string; text: string }[]
  /** In front of the names of a part's files. */
  filesWord: string
  sections: readonly Section[]
}

/** Nothing is fetched: pictures lie in the page. */
const noNetwork = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`

const style = `
:root { color-scheme: light; font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; color: #1a1d21; background: #fff }
body { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .5rem 0 }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid #c9ced6 }
p { max-width: 46rem; margin: .5rem 0 } .lead { color: #4a4f57 }
.warning { background: #fff4d6; border-left: 4px solid #b97a00; padding: .4rem .75rem }
nav ul { columns: 2; padding-left: 1.2rem } @media (max-width: 40rem) { nav ul { columns: 1 } }
figure { margin: 1.25rem 0; break-inside: avoid } figcaption { font-weight: 600; margin-bottom: .4rem; max-width: 46rem }
figure svg { max-width: 100%; height: auto } .wide { overflow-x: auto }
@media screen and (max-width: 40rem) { figure svg { max-width: none } table { font-size: .875rem } }
.note { color: #4a4f57; font-size: .875rem } .files { color: #70757d; font-size: .8rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { padding: .2rem .55rem; text-align: right; white-space: nowrap } td.long { white-space: normal; min-width: 9rem }
th:first-child, td:first-child { text-align: left } thead th { white-space: normal; vertical-align: bottom; border-bottom: 1px solid #70757d } tr.quoted td { color: #5f646c; font-style: italic }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt } nav, .files a { display: none } h2 { break-after: avoid } a { color: inherit; text-decoration: none } .wide { overflow: visible }
  figure svg { max-height: 23cm } figure:has(table) { break-inside: auto } thead { display: table-header-group } tr { break-inside: avoid }
  th, td { white-space: normal; padding: .1rem .35rem; font-size: 8pt } }
`

/** The report as one file. */
export function pageOf({ language, title, lead, links, filesWord, sections }: ReportPage): string {
  const contents = sections.map(({ id, title: own }) => `<li><a href="#${id}">${escaped(own)}</a></li>`).join('')
  return [
    `<!doctype html>\n<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `${noNetwork}<title>${escaped(title)}</title><style>${style}</style></head><body>`,
    `<header><h1>${escaped(title)}</h1>${lead.map((text) => paragraph(text, 'lead')).join('')}`,
    ...links.map(({ to, text }) => `<p><a href="${escaped(to)}">${escaped(text)}</a></p>`),
    `</header><nav><ul>${contents}</ul></nav><main>`,
    ...sections.map((section) => sectionOf(section, filesWord)),
    '</main></body></html>\n'
  ].join('\n')
}

function sectionOf({ id, title, paragraphs, parts }: Section, filesWord: string): string {
  return [
    `<section id="${id}"><h2>${escaped(title)}</h2>`,
    ...paragraphs.map((text) => paragraph(text)),
    ...parts.map((part) => partOf(part, filesWord)),
    '</section>'
  ].join('\n')
}

const paragraph = (text: string, kind = ''): string =>
  text.startsWith('!')
    ? `<p class="warning" role="note">${escaped(text.slice(1))}</p>`
    : `<p${kind && ` class="${kind}"`}>${escaped(text)}</p>`

function partOf({ name, caption, note, figure, table }: Part, filesWord: string): string {
  const files = partEnds.map((end) => `<a href="parts/${name}.${end}">parts/${name}.${end}</a>`).join(' ')
  return [
    `<figure id="${name}"><figcaption>${escaped(caption)}</figcaption><div class="wide">`,
    figure ? labelled(figure, caption) : tableOf(table!),
    `</div>${note ? `<p class="note">${escaped(note)}</p>` : ''}<p class="files">${escaped(filesWord)} ${files}</p></figure>`
  ].join('')
}

/** The caption again, for those who hear the page. */
const labelled = (figure: string, caption: string): string =>
  figure.replace('<svg ', `<svg role="img" aria-label="${escaped(caption)}" `)

/** Letters of a cell that is never broken: numbers, intervals and most names stay on one line. */
const longest = 20

function tableOf({ head, rows, quoted = [] }: PartTable): string {
  const cells = (tag: string, row: readonly string[]): string =>
    row.map((cell) => `<${tag}${cell.length > longest ? ' class="long"' : ''}>${escaped(cell)}</${tag}>`).join('')
  const body = rows.map((row, i) => `<tr${quoted.includes(i) ? ' class="quoted"' : ''}>${cells('td', row)}</tr>`)
  return `<table><thead><tr>${cells('th', head)}</tr></thead><tbody>${body.join('')}</tbody></table>`
}
