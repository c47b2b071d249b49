import { parameterCount, type VggSpec } from '#painlens/lib/vgg/index.js'
import type { Metrics, Share } from './evaluate.js'
import type { FitOptions } from './fit.js'
import { labels, splits } from './recipe.js'

export interface CardFacts {
  spec: VggSpec
  fit: FitOptions
  identities: { train: number; validation: number; test: number }
  test: Metrics
  temperature: number
  sha256: string
  /** The command that makes this model again. */
  command: string
}

/** The model card (after Mitchell et al. 2019) in Markdown; all its numbers come from the run that made the model. */
export function modelCard(facts: CardFacts): string {
  return `${[whatItIs(facts), howItWasMade(facts), howGoodItIs(facts.test), limits].join('\n\n')}\n`
}

function whatItIs({ spec, sha256, temperature }: CardFacts): string {
  const channels = spec.blocks.map((block) => block.join(' ')).join(' | ')
  return `# pain-demo: the demonstration model

Written by \`npm run train\`; do not edit.

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

function howItWasMade({ identities, fit, command }: CardFacts): string {
  const { train, validation, test } = identities
  const count = (split: 'train' | 'validation' | 'test', people: number) => people * splits[split].samples
  return `## Data and training

\`${command}\`

Faces drawn by \`src/show/render\` from FACS action units: pain (AU4, 6/7, 9/10, 43, mouth), disgust (9, 10, 15/17), happiness
(6, 12), and resting faces that sleep, blink, talk, yawn or raise their brows. Skin, age, hair, beard, glasses, light,
pose, size (50 to 200 px), noise, blur and compression vary, drawn apart from what the face shows. Crops are aligned with
landmarks that err as a landmark network does.

| split | identities | pictures |
|---|---|---|
| training | ${train} | ${count('train', train)} |
| validation (temperature only) | ${validation} | ${count('validation', validation)} |
| test | ${test} | ${count('test', test)} |

No identity is in two splits. A resting face's target is a third for each class, an expression's moves from there to its
own class at intensity 0.4, so that the model stays undecided where there is nothing to see. AdamW, ${fit.epochs} epochs, batches of
${fit.batchSize}, learning rate ${fit.learningRate}, weight decay ${fit.weightDecay}, dropout ${fit.dropout}, seed ${fit.seed}.`
}

function howGoodItIs(test: Metrics): string {
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

${bands('skin tone, intensity 0.4 and above', test.byTone)}

${bands('face width, intensity 0.4 and above', test.byFaceSize)}`
}

const limits = `## Limits

- The test faces come from the same drawing as the training faces: the figures say that the classes can be told apart
  here, not that they can be on people.
- Faces turned far away, lying on their side, covered or narrower than 50 px are not in the data.
- Drawn pain follows a recipe of action units (Prkachin and Solomon 2008); real pain does not always.
- The skin tones are eight colours and the shading is simple: even accuracy across them here promises nothing elsewhere.`

const percent = ({ share }: Share): string => (share === null ? 'none' : `${(share * 100).toFixed(1)} %`)

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
