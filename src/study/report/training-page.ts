/** The page for staff: judge a face first, then see what it shows, what the model says and what it looks at. */
import type { ReportLanguageCode } from '../choices.js'
import { cropPng, type QuizFace } from './examples.js'
import type { ReportLanguage } from './languages/index.js'
import { escaped } from './parts.js'
import { trainingScript } from './training-script.js'

const side = 320

/** What the page's script reads. */
interface QuizData {
  /** By label: its name, and the key that chooses it. */
  labels: string[]
  faces: { face: string; heatmap: string; label: number; called: number; said: string; words: string }[]
  texts: ReportLanguage['quiz']['page']
}

const style = `
:root { font: 18px/1.45 system-ui, "Segoe UI", Roboto, sans-serif; color: #1a1d21; background: #f4f6f8 }
body { max-width: 40rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem } .note { color: #4a4f57; font-size: .9rem }
.card { background: #fff; border-radius: 12px; padding: 1rem; box-shadow: 0 1px 4px #0002 }
.face { position: relative; width: min(100%, 20rem); aspect-ratio: 1; margin: 0 auto .75rem } .face img { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 8px }
.choices { display: flex; flex-wrap: wrap; gap: .6rem; justify-content: center }
button { font: inherit; min-height: 3rem; min-width: 7rem; padding: .4rem 1rem; border: 2px solid #1f5a9e; border-radius: 10px; background: #fff; color: #1f5a9e; cursor: pointer; touch-action: manipulation }
button:focus-visible { outline: 3px solid #f0a500; outline-offset: 2px } button.main { background: #1f5a9e; color: #fff }
.right { color: #17692d } .wrong { color: #a31616 } table { border-collapse: collapse; margin: 1rem auto } td, th { padding: .3rem .8rem; text-align: right } td:first-child, th:first-child { text-align: left }
[hidden] { display: none !important }
`

/**
 * One file that asks nothing of a network and keeps nothing.
 * @param notDrawn labels of which it has no face
 */
export async function trainingPage(
  faces: readonly QuizFace[],
  { labels, notDrawn }: { labels: readonly string[]; notDrawn: readonly string[] },
  code: ReportLanguageCode,
  { quiz, examples, label, number }: ReportLanguage,
  showsPersons: boolean
): Promise<string> {
  const uri = (png: Uint8Array): string => `data:image/png;base64,${Buffer.from(png).toString('base64')}`
  const data: QuizData = {
    labels: labels.map(label),
    texts: quiz.page,
    faces: await Promise.all(
      faces.map(async ({ crop, heatmap, label: own, called, probability, words }) => ({
        face: uri(await cropPng(crop, side)),
        heatmap: uri(heatmap),
        label: own,
        called,
        said: `${label(labels[called]!)} (${number(100 * probability, 0)}\u00a0%)`,
        words
      }))
    )
  }
  // A label may hold the end of a script.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c')
  return [
    `<!doctype html>\n<html lang="${code}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">`,
    `<title>${escaped(quiz.title)}</title><style>${style}</style></head><body>`,
    `<h1>${escaped(quiz.title)}</h1><p class="note">${escaped(quiz.lead)} ${escaped(showsPersons ? quiz.persons : quiz.rendered)}</p>`,
    ...(notDrawn.length > 0 ? [`<p class="note">${escaped(examples.notDrawn(notDrawn.map(label)))}</p>`] : []),
    `<main class="card" aria-live="polite"></main><p class="note">${escaped(quiz.keys)}</p>`,
    `<script type="application/json" id="quiz">${json}</script><script>${trainingScript}</script></body></html>\n`
  ].join('\n')
}
