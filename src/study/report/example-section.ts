/** Figures 3 and 4. */
import { heatmapPng } from '../../stages/explain/index.js'
import { cropPng, type Example } from './examples.js'
import type { Explanations } from './explanations.js'
import type { ReportLanguage } from './languages/index.js'
import { type PictureCell, type PictureRow, pictureGrid } from './map-figure.js'
import type { Part, Section } from './parts.js'
import { labelsNotDrawn } from './rendered-faces.js'
import type { StudyRun } from './study-run.js'

const side = 168

export async function exampleSection(
  run: StudyRun,
  { gate }: Pick<Explanations, 'gate'>,
  examples: readonly Example[],
  isOfPersons: boolean,
  language: ReportLanguage
): Promise<Section> {
  const { examples: words } = language
  const right = examples.filter(({ label, called }) => label === called)
  const wrong = examples.filter(({ label, called }) => label !== called)
  const failing = new Set(gate.filter(({ passed }) => !passed).map(({ composite }) => composite))
  const composites = gate.map(({ composite }) => composite)
  const columns = ['', ...composites.map((name) => (failing.has(name) ? `(${name})` : name))]
  const figure = async (name: Part['name'], caption: string, own: readonly Example[]): Promise<Part> => ({
    name,
    caption,
    note: words.note,
    csv: csvOf(own, run.judgement.labels),
    figure: pictureGrid({
      columns,
      rows: await rowsOf(own, composites, run, language),
      cell: { width: side, height: side },
      left: 130
    })
  })
  const notDrawn = isOfPersons ? [] : labelsNotDrawn(run.judgement.labels)
  const labels = run.judgement.labels.filter((label) => !notDrawn.includes(label))
  const without = (own: readonly Example[], say: (labels: readonly string[]) => string): string[] => {
    const isShown = (name: string): boolean => own.some(({ label }) => run.judgement.labels[label] === name)
    const missing = labels.filter((name) => !isShown(name)).map(language.label)
    return missing.length > 0 ? [say(missing)] : []
  }
  return {
    id: 'examples',
    title: words.title,
    paragraphs: [
      words.what[isOfPersons ? 'persons' : 'rendered'],
      ...(notDrawn.length > 0 ? [words.notDrawn(notDrawn.map(language.label))] : []),
      ...(right.length === 0 && labels.length > 0 ? [words.none.right] : []),
      ...(wrong.length === 0 && labels.length > 0 ? [words.none.wrong] : []),
      ...(right.length > 0 ? without(right, words.noneOf.right) : []),
      ...(wrong.length > 0 ? without(wrong, words.noneOf.wrong) : [])
    ],
    parts: [
      ...(right.length > 0 ? [await figure('figure-3', words.figure.right, right)] : []),
      ...(wrong.length > 0 ? [await figure('figure-4', words.figure.wrong, wrong)] : []),
      ...(examples.length > 0 ? [await everyComposite(examples, run, language)] : [])
    ]
  }
}

const titleOf = (
  { label, called, probability }: Example,
  labels: readonly string[],
  { examples: words, label: name, number }: ReportLanguage
): string[] => [
  `${words.shown} ${name(labels[label]!)}`,
  `${words.called} ${name(labels[called]!)}`,
  number(probability, 2)
]

async function heatmapCell(example: Example, composite: string): Promise<PictureCell> {
  const { width, height } = example.crop
  const scale = Math.max(1, Math.round(side / width))
  return { layers: [await heatmapPng(example.maps.get(composite)!, { width, height }, { scale })] }
}

async function rowsOf(
  examples: readonly Example[],
  composites: readonly string[],
  run: StudyRun,
  language: ReportLanguage
): Promise<PictureRow[]> {
  return Promise.all(
    examples.map(async (example) => ({
      title: titleOf(example, run.judgement.labels, language),
      cells: [
        { layers: [await cropPng(example.crop, side)] },
        ...(await Promise.all(composites.map((composite) => heatmapCell(example, composite))))
      ]
    }))
  )
}

async function everyComposite(examples: readonly Example[], run: StudyRun, language: ReportLanguage): Promise<Part> {
  const composites = [...(examples[0]?.maps.keys() ?? [])]
  const faces = await Promise.all(examples.map(async ({ crop }) => ({ layers: [await cropPng(crop, side)] })))
  const rows: PictureRow[] = [{ title: [], cells: faces }]
  for (const composite of composites)
    rows.push({
      title: [composite],
      cells: await Promise.all(examples.map((example) => heatmapCell(example, composite)))
    })
  return {
    name: 'every-composite',
    caption: language.examples.figure.all,
    note: language.examples.note,
    csv: csvOf(examples, run.judgement.labels),
    figure: pictureGrid({
      columns: examples.map((example) => titleOf(example, run.judgement.labels, language).slice(1, 2).join('')),
      rows,
      cell: { width: side, height: side },
      left: 250
    })
  }
}

const csvOf = (examples: readonly Example[], labels: readonly string[]): Part['csv'] => ({
  fields: ['number', 'shows', 'called', 'probability'],
  rows: examples.map(({ label, called, probability }, i) => [i + 1, labels[label]!, labels[called]!, probability])
})
