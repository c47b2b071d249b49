import { parseArgs } from 'node:util'
import { messageOf, UsageError } from '#painlens/core/errors.js'
import { fitDefaults } from './fit.js'

export interface TrainArguments {
  help: boolean
  identities: number
  epochs: number
  seed: number
  out: string
  cache: string
}

const defaults = { identities: 400, epochs: fitDefaults.epochs, seed: fitDefaults.seed }

export const usage = `Trains the demonstration model on rendered faces and writes it with its manifest and model card.

  npm run train -- [options]
  --identities N  people to train on (default ${defaults.identities}); a quarter as many more are tested on, an eighth sets the temperature
  --epochs N      passes over the training faces (default ${defaults.epochs})
  --seed N        of weights, order and augmentation (default ${defaults.seed}); the same seed gives the same model
  --out DIR       where pain-demo.onnx, .yaml and .md go (default models)
  --cache DIR     where rendered faces are kept (default models/cache)

Example: npm run train -- --identities 40 --epochs 2 --out /tmp/quick
`

/** @throws UsageError */
export function parseTrainArguments(argv: readonly string[]): TrainArguments {
  const { values } = parse(argv)
  return {
    help: values.help ?? false,
    identities: count(values.identities, '--identities', 8, defaults.identities),
    epochs: count(values.epochs, '--epochs', 1, defaults.epochs),
    seed: count(values.seed, '--seed', 0, defaults.seed),
    out: values.out ?? 'models',
    cache: values.cache ?? 'models/cache'
  }
}

function parse(argv: readonly string[]) {
  const string = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean', short: 'h' },
        identities: string,
        epochs: string,
        seed: string,
        out: string,
        cache: string
      }
    })
  } catch (error) {
    throw new UsageError('PL-OPTION-VALUE', messageOf(error).replace(/\.$/, ''), 'npm run train')
  }
}

function count(text: string | undefined, flag: string, least: number, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least || value > 100_000)
    throw new UsageError('PL-OPTION-VALUE', `"${text}" is not a whole number from ${least} to 100000`, flag)
  return value
}
