import type { GraphBuilder } from '../../onnx/index.js'

/** A graph builder that stores what many nodes share, scalars and lists of whole numbers, once. */
export class Emitter {
  readonly #known = new Map<string, string>()

  constructor(readonly builder: GraphBuilder) {}

  node(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, number | readonly number[] | string> = {}
  ): string {
    return this.builder.node(opType, inputs, attributes)
  }

  scalar(value: number): string {
    return this.#once(`scalar ${value}`, () => this.builder.constant('scalar', Float32Array.of(value), []))
  }

  /** int64, no dims. */
  integer(value: number): string {
    return this.#once(`integer ${value}`, () => this.builder.constant('integer', BigInt64Array.of(BigInt(value)), []))
  }

  /** int64 [length]. */
  integers(values: readonly number[]): string {
    return this.#once(`integers ${values}`, () =>
      this.builder.constant('integers', BigInt64Array.from(values, BigInt), [values.length])
    )
  }

  /** Of maps [batch, channel, row, column] the part of that size, from a row and column on. */
  cut(maps: string, [row, column]: readonly [number, number], [height, width]: readonly [number, number]): string {
    const [starts, ends] = [this.integers([row, column]), this.integers([row + height, column + width])]
    return this.node('Slice', [maps, starts, ends, this.integers([2, 3])])
  }

  #once(key: string, make: () => string): string {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const name = make()
    this.#known.set(key, name)
    return name
  }
}
