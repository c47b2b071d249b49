import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../../src/core/version.js'
import { rules } from '../../../src/lib/lrp/index.js'
import { patience } from '../../support/slowness.js'
import { withExplainer, worst } from './compare.js'

const run = promisify(execFile)

describe('the example in docs/develop/lrp-rules.md', () => {
  it('runs as it is printed, and agrees with the built-in gamma, which it is behind ReLUs', async () => {
    const page = await readFile(join(packageRoot, 'docs/develop/lrp-rules.md'), 'utf8')
    const [, script] = /```js\n(.*?)```/s.exec(page)!
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script!], {
      cwd: packageRoot,
      timeout: patience(30_000)
    })
    const printed = JSON.parse(stdout) as { logits: number[]; relevance: number[] }
    const picture = Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.sin(i / 50) / 2)
    const found = await withExplainer(
      {
        model: join(packageRoot, 'models/pain-demo.onnx'),
        engine: 'onnx',
        composite: [
          ['input', rules.bounded([-0.73, -0.82, -1.01], [1.26, 1.17, 0.98])],
          [{ depth: [0, 0.5], kind: 'conv' }, rules.gamma(0.25)],
          ['dense', rules.epsilon(0.1)],
          ['any', rules.z()]
        ]
      },
      (explainer) => explainer.explain({ data: picture, dims: [1, 3, 64, 64] }, { target: { 0: 1, 1: -1 } })
    )
    expect(worst(printed.logits, found.logits[0]!)).toBeLessThan(1e-6)
    expect(worst(printed.relevance, found.relevance)).toBeLessThan(1e-5)
  })
})
