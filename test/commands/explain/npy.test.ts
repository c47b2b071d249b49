import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeNpy, encodeNpy } from '../../../src/commands/explain/results.js'
import { InputError } from '../../../src/core/errors.js'

const hasNumpy = spawnSync('python3', ['-c', 'import numpy']).status === 0

describe('an .npy file', () => {
  it('has the bytes that the format prescribes', () => {
    const bytes = Buffer.from(encodeNpy(Float32Array.of(1, -2.5, 0, 3, 4, 5), [2, 3]))
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]))
    const length = bytes.readUInt16LE(8)
    expect((10 + length) % 64).toBe(0)
    const header = bytes.toString('latin1', 10, 10 + length)
    expect(header).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/)
    expect(bytes.length).toBe(10 + length + 24)
    expect(bytes.readFloatLE(10 + length + 4)).toBe(-2.5)
  })

  it('keeps values and shape when it is written and read', () => {
    const arrays = fc
      .array(fc.integer({ min: 0, max: 6 }), { maxLength: 4 })
      .chain((shape) =>
        fc.tuple(fc.constant(shape), fc.float32Array({ minLength: size(shape), maxLength: size(shape) }))
      )
    const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1)
    fc.assert(
      fc.property(arrays, ([shape, values]) => {
        expect(decodeNpy(encodeNpy(values, shape), 'x')).toEqual({ values, shape })
      })
    )
  })

  it('is refused where its shape does not fit its values, or its bytes are not in the format', () => {
    expect(() => encodeNpy(new Float32Array(5), [2, 3])).toThrow(RangeError)
    const bytes = encodeNpy(new Float32Array(6), [2, 3])
    const doubles = Buffer.from(Buffer.from(bytes).toString('latin1').replace('<f4', '<f8'), 'latin1')
    for (const wrong of [new Uint8Array(0), bytes.subarray(0, 100), bytes.subarray(1), doubles])
      expect(() => decodeNpy(wrong, 'x.npy')).toThrow(InputError)
  })

  it.skipIf(!hasNumpy)('is read by NumPy', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'painlens-npy-'))
    try {
      const file = join(folder, 'x.npy')
      await writeFile(file, encodeNpy(Float32Array.of(1, -2.5, 0, 3, 4, 5.25), [2, 3]))
      const script = `import numpy; a = numpy.load(${JSON.stringify(file)}); print(a.dtype, a.tolist())`
      const { stdout } = spawnSync('python3', ['-c', script], { encoding: 'utf8' })
      expect(stdout.trim()).toBe('float32 [[1.0, -2.5, 0.0], [3.0, 4.0, 5.25]]')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
