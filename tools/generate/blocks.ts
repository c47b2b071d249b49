/** Tables that are generated into pages which are written by hand. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { conditionNames, conditions, endReasonNames, endReasons } from '#painlens/contract/conditions.js'
import { type AdviceRow, advice } from '#painlens/contract/feedback.js'
import { packageRoot } from '#painlens/core/version.js'
import { compositeOf, type Match, needsBounds, plainCompositeNames } from '#painlens/lib/lrp/index.js'
import { decoderNames, decoders } from '#painlens/stages/camera/decoders.js'
import { type RefusalKind, reasonCodes } from '#painlens/stages/mqtt/reason-codes.js'
import { table } from './markdown.js'

type Block = () => string

/** By page, each block by the name that its marks carry. */
const blocks: Readonly<Record<string, Readonly<Record<string, Block>>>> = {
  'docs/integrate/mqtt.md': {
    conditions: conditionsTable,
    'end-reasons': endReasonsTable,
    'reason-codes': reasonCodesTable
  },
  'docs/operate/cameras.md': { decoders: decodersTable },
  'docs/operate/reference.md': { advice: adviceTable },
  'docs/study/explanations.md': { composites: compositesTable }
}

/** Text by file of the package: each page with its blocks as they should be. */
export const pagesWithBlocks: Readonly<Record<string, () => string>> = Object.fromEntries(
  Object.entries(blocks).map(([page, own]) => [page, () => withBlocks(page, own)])
)

/** @throws Error where a page lacks a block's marks, `<!-- generated: NAME -->` and `<!-- end of NAME -->` */
function withBlocks(page: string, own: Readonly<Record<string, Block>>): string {
  let text = readFileSync(join(packageRoot, page), 'utf8')
  for (const [name, make] of Object.entries(own)) {
    const [begin, end] = [`<!-- generated: ${name} -->\n`, `<!-- end of ${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`${page} has no ${begin.trim()} … ${end}`)
    text = `${text.slice(0, from + begin.length)}${make()}\n${text.slice(to)}`
  }
  return text
}

function conditionsTable(): string {
  const technical = conditionNames.filter((name) => conditions[name].kind === 'technical')
  const rows = technical.map((name) => {
    const { priority, meaning, ends } = conditions[name]
    return [`\`${name}\``, priority, meaning, ends]
  })
  return table(['technical condition', 'priority', 'raised', 'ends'], rows)
}

function endReasonsTable(): string {
  const rows = endReasonNames.map((name) => [`\`${name}\``, endReasons[name].meaning])
  return table(['`reason`', 'what it says about the person'], rows)
}

const afterRefusal: Record<RefusalKind, string> = {
  later: 'kept, tried again every 5 s, reported',
  message: 'dropped, reported',
  size: 'kept, reported'
}

/** The codes that a PUBACK may have, and what becomes of an alarm. */
function reasonCodesTable(): string {
  const rows = Object.entries(reasonCodes).flatMap(([reason, { name, publish }]) =>
    publish
      ? [
          [
            `0x${Number(reason).toString(16).toUpperCase()} ${name}`,
            `\`${publish.code}\``,
            afterRefusal[publish.verdict]
          ]
        ]
      : []
  )
  return table(['PUBACK', 'code', 'an alarm is'], rows)
}

function adviceTable(): string {
  const rows = Object.entries<AdviceRow>(advice).map(([name, { when, text }]) => [when, text.en, `\`${name}\``])
  return table(['where', 'advice', 'in `--json`'], rows)
}

function decodersTable(): string {
  const rows = decoderNames.map((name) => {
    const { what, mjpeg, purpose } = decoders[name]
    return [`\`${name}\``, what, mjpeg, purpose]
  })
  return table(['decoder', 'what decodes', 'MJPEG', 'for'], rows)
}

const layers: Record<Extract<Match, string>, string> = {
  any: 'all layers',
  dense: 'dense layers',
  conv: 'convolutions',
  input: 'the first layer'
}

/** Those with the bias; where it makes a difference, there is another one without it. */
function compositesTable(): string {
  const names = plainCompositeNames.filter((name) => !name.endsWith('_IB'))
  const rows = names.map((name) => {
    const options = needsBounds(name) ? { inputLayerRule: [0, 255] as const } : {}
    const rules = compositeOf(name, options).map(
      ([match, rule]) => `${rule.name}: ${layers[match as keyof typeof layers]}`
    )
    const other = plainCompositeNames.find((one) => one === `${name}_IB`)
    return [`\`${name}\``, rules.join('; '), other ? `\`${other}\`` : '']
  })
  return table(['composite', 'rules', 'without the bias'], rows)
}
