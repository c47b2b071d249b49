import { codeOf, type ErrorCode, InputError } from '../../core/errors.js'
import type { PassedOver } from '../../lib/picture/find-pictures.js'

const asOf: Partial<Record<ErrorCode, string>> = {
  'PL-PICTURE-NO-FACE': 'without a face',
  'PL-PICTURE-NOT-USABLE': 'without a usable face',
  'PL-OUT-NAME': 'not written'
}

/** Counts the outcomes of all given and found files. */
export class Tally {
  #done = 0
  readonly #failed = new Map<string, number>()
  readonly #skipped = new Map<string, number>()

  /** @param passedOver the given and found files that are skipped */
  constructor(
    passedOver: readonly PassedOver[],
    private readonly verb: 'explained' | 'taken'
  ) {
    for (const { as, fails } of passedOver) this.#count(fails ? this.#failed : this.#skipped, as)
  }

  /** A picture without failures. */
  done(): void {
    this.#done++
  }

  /** A picture whose explanation failed. */
  failed(error: unknown): void {
    this.#count(this.#failed, asOf[codeOf(error)] ?? (error instanceof InputError ? 'unreadable' : 'failed'))
  }

  get exitCode(): 0 | 1 {
    return this.#failed.size === 0 ? 0 : 1
  }

  /** `3 of 6 explained (2 unreadable, 1 without a face); 2 skipped (1 FIFO, 1 not a picture)` */
  get line(): string {
    const all = this.#done + sumOf(this.#failed)
    const skipped = sumOf(this.#skipped)
    return (
      `${this.#done} of ${all} ${this.verb}${listOf(this.#failed)}` +
      (skipped > 0 ? `; ${skipped} skipped${listOf(this.#skipped)}` : '')
    )
  }

  #count(counts: Map<string, number>, as: string): void {
    counts.set(as, (counts.get(as) ?? 0) + 1)
  }
}

const sumOf = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0)

function listOf(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? '' : ` (${[...counts].map(([as, count]) => `${count} ${as}`).join(', ')})`
}
