import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take 20 s or more, the longest first. */
export const slowest = [
  'test/deploy/ships.test.ts',
  'test/tools/study-demo/demo.test.ts',
  'test/stages/camera/damage.test.ts',
  'test/daemon/supervision.test.ts',
  'test/study/prepare/prepare.test.ts',
  'test/commands/snapshot/one-viewer.test.ts',
  'test/study/report/report.test.ts',
  'test/page/screens.test.ts',
  'test/daemon/commands.test.ts',
  'test/daemon/lifecycle.test.ts',
  'test/daemon/not-finite.test.ts',
  'test/daemon/pictures.test.ts',
  'test/stages/camera/encoded-pictures.test.ts',
  'test/stages/camera/true-shape.test.ts',
  'test/daemon/full-disk.test.ts',
  'test/stages/explain/engines.test.ts',
  'test/tools/fuzz/fuzz.test.ts',
  'test/daemon/explanations.test.ts',
  'test/stages/camera/trouble.test.ts',
  'test/daemon/damage.test.ts',
  'test/commands/check/check.test.ts',
  'test/lib/lrp/full-size.test.ts',
  'test/commands/lost-output.test.ts',
  'test/commands/check/rights.test.ts',
  'test/stages/mqtt/receive-maximum.test.ts',
  'test/stages/mqtt/wire.test.ts',
  'test/stages/mqtt/outage.test.ts',
  'test/stages/mqtt/unconfirmed.test.ts'
]

const rank = new Map(slowest.map((file, at) => [file, at - slowest.length]))

/**
 * The slowest files first: a file that waits for a minute would otherwise run alone at the end. Vitest knows
 * how long files take from earlier runs only, and a fresh clone has none; what is not listed keeps vitest's order.
 */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => rank.get(relative(this.ctx.config.root, moduleId)) ?? 0
    return (await super.sort(files)).sort((a, b) => rankOf(a) - rankOf(b))
  }
}
