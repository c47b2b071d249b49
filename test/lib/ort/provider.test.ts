import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type DeviceRefusal, refusals } from '../../../src/core/devices.js'
import { fixOf } from '../../../src/core/error-codes/index.js'
import { packageRoot } from '../../../src/core/version.js'
import { proveProvider } from '../../../src/lib/ort/provider.js'

const model = join(packageRoot, 'models/pain-demo.onnx')
const refused = (code: 'EPERM' | 'EACCES') => (): DeviceRefusal => ({
  path: '/dev/nvmap',
  code: refusals[code].code,
  what: `/dev/nvmap cannot be opened: ${refusals[code].what}`,
  fix: fixOf(refusals[code].code)
})

describe('a GPU that does not work', () => {
  it.each([
    ['EPERM', /cuda: .+; \/dev\/nvmap cannot be opened: the sandbox .*Operation not permitted/, /DeviceAllow/],
    ['EACCES', /cuda: .+; \/dev\/nvmap cannot be opened: this user .*Permission denied/, /usermod/]
  ] as const)('a GPU whose device file gives %s is reported with that and its remedy', async (code, why, remedy) => {
    const proof = await proveProvider('auto', model, { threads: 1, refused: refused(code) })
    expect(proof.provider).toBe('cpu')
    expect(proof.fallback).toMatch(why)
    expect(proof.remedy).toMatch(remedy)
    const named = proveProvider('cuda', model, { threads: 1, refused: refused(code) })
    await expect(named).rejects.toThrow(why.source.includes('sandbox') ? /the sandbox/ : /this user/)
    await expect(named).rejects.toThrow(remedy)
  })

  it('a GPU that fails for another reason is reported without mention of device files', async () => {
    const proof = await proveProvider('auto', model, { threads: 1, refused: () => undefined })
    expect(proof).toMatchObject({ provider: 'cpu', fallback: expect.stringMatching(/^cuda: /) })
    expect(proof.remedy).toBeUndefined()
    await expect(proveProvider('cuda', model, { threads: 1, refused: () => undefined })).rejects.toThrow(
      /Install ONNX Runtime's CUDA provider/
    )
  })
})
