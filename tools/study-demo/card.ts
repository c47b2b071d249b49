import { parameterCount, type VggSpec } from '#painlens/lib/vgg/index.js'
import { type Metrics, painSeenFrom, type Share } from '../train/evaluate.js'
import { labels, splits } from '../train/recipe.js'
import type { RollFigures } from './rolls.js'

export interface CardFacts {
  spec: VggSpec
  identities: { pretraining: number; study: number; test: number }
  seed: number
  test: Metrics
  rolls: readonly RollFigures[]
  temperature: number
  sha256: string
}

/** The model card (after Mitchell et al. 2019) in Markdown; all its numbers come from the run that made the model. */
export function modelCard(facts: CardFacts): string {
  return `${[whatItIs(facts), howItWasMade(facts), howGoodItIs(facts), limits].join('\n\n')}\n`
}

function whatItIs({ spec, sha256, temperature }: CardFacts): string {
  const channels = spec.blocks.map((block) => block.join(' ')).join(' | ')
  return `# pain-demo: the demonstration model

Written by \`npm run study:demo\`; do not edit.

A classifier of drawn faces into ${labels.join(', ')}. It has VGG-Face's topology (13 convolutions in 5 blocks, 3 dense
layers, ReLU, max pooling) with narrower layers and a smaller input, and is there so that painlens can be shown, tested
and measured on a machine without a clinical model.

| | |
|---|---|
| file | pain-demo.onnx, sha256 ${sha256} |
| licence | Apache-2.0 |
| input | ${spec.input.width}x${spec.input.height}, aligned by the eyes, BGR, VGG-Face's mean |
| channels | ${channels}; dense ${spec.dense.join(' ')} |
| parameters | ${parameterCount(spec).toLocaleString('en')} |
| output | logits of ${labels.join(', ')}; temperature ${temperature.toFixed(3)} |

## Intended use

Demonstration, tests and benchmarks of painlens. Nothing else.

**It has never seen a human face.** It learnt from drawings, was measured on drawings, and was never validated on real
people. What it says about a real face means nothing. No decision about a person's care may rest on it.`
}

function howItWasMade({ identities, seed }: CardFacts): string {
  const { pretraining, study, test } = identities
  return `## Data and training

\`npm run study:demo\`, seed ${seed}: pre-trained on telling rendered people apart, then \`painlens study prepare\` and \`painlens study train\` on rendered
videos, as a clinic would do it with its own ([docs/study](../docs/study/demo.md)).

Faces drawn by \`src/show/render\` from FACS action units: pain (AU4, 6/7, 9/10, 43, mouth), disgust (9, 10, 15/17), happiness
(6, 12), and resting faces that sleep, blink, talk, yawn or raise their brows. Skin, age, hair, beard, glasses, light,
pose, size (50 to 200 px), noise, blur and compression vary, drawn apart from what the face shows; in the videos half of the heads lie, at any angle.

| people | identities | pictures |
|---|---|---|
| pre-training | ${pretraining} | ${pretraining * splits.train.samples} |
| study | ${study} | ${study * splits.study.samples} stretches of video |
| test | ${test} | ${test * splits.test.samples} |

No identity is in two rows. A resting face's target is a third for each class, an expression's moves from there to its
own class at intensity 0.4, so that the model stays undecided where there is nothing to see. The temperature comes from the folds.`
}

function howGoodItIs({ test, rolls }: CardFacts): string {
  const confusion = test.confusion.map((row, i) => [labels[i]!, ...row.map(String), percent(test.recall[i]!)])
  return `## Results on the test identities

Accuracy at intensity 0.4 and above: **${percent(test.accuracy)}** of ${test.accuracy.count}.

${table(['is \\ is called', ...labels, 'recall'], [...confusion, ['precision', ...test.precision.map(percent), '']])}

Of pain at intensity 0.5 and above, ${percent(test.painFound)} of ${test.painFound.count} faces score above 0.7.

Faces without expression, by their pain score:

${table(
  ['resting face', 'faces', 'mean score', 'above 0.5', 'above 0.7'],
  test.resting.map(([name, { above05, above07, mean }]) => [
    name,
    String(above05.count),
    mean.toFixed(3),
    percent(above05),
    percent(above07)
  ])
)}

${bands('intensity', test.byIntensity)}

${painSeen(test.painByIntensity)}

${bands('skin tone, intensity 0.4 and above', test.byTone)}

${bands('face width, intensity 0.4 and above', test.byFaceSize)}

Found, cut and judged as the daemon does it, by the head's roll:

${table(
  ['roll', 'usable', 'right, intensity 0.4 and above', 'resting, pain above 0.7'],
  rolls.map(({ roll, usable, right, restingAbove }) => [`${roll}°`, ...[usable, right, restingAbove].map(percentOf)])
)}`
}

/** From which intensity on pain is told from the others by more than chance, and from which on an alarm would see it. */
function painSeen(bands: Metrics['painByIntensity']): string {
  const { told, above07 } = painSeenFrom(bands)
  const from = (intensity: number | null): string =>
    intensity === null ? 'nowhere' : `from ${intensity.toFixed(1)} on`
  const rows = bands.map(({ from: low, count, called, above07: above }) => [
    `${low.toFixed(1)} to ${(low + 0.1).toFixed(1)}`,
    String(count),
    percent({ share: count === 0 ? null : called / count, count }),
    percent({ share: count === 0 ? null : above / count, count })
  ])
  return `Pain is called pain by more than guessing (95 %, Wilson) **${from(told)}**, and half of the faces score above 0.7 **${from(above07)}**:

${table(['intensity of pain', 'faces', 'called pain', 'above 0.7'], rows)}`
}

const limits = `## Limits

- The test faces come from the same drawing as the training faces: the figures say that the classes can be told apart
  here, not that they can be on people.
- Faces turned far away or narrower than 50 px are not in the data.
- Drawn pain follows a recipe of action units (Prkachin and Solomon 2008); real pain does not always.
- The skin tones are eight colours and the shading is simple: even accuracy across them here promises nothing elsewhere.`

const percentOf = (share: number | null): string => (share === null ? 'none' : `${(share * 100).toFixed(1)} %`)
const percent = ({ share }: Share): string => percentOf(share)

function bands(name: string, rows: readonly [string, Share][]): string {
  return table(
    [name, 'faces', 'accuracy'],
    rows.map(([band, share]) => [band, String(share.count), percent(share)])
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
