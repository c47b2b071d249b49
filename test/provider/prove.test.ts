import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { providerStatusCommand } from '../../src/commands/provider/index.js'
import { DiskError, ProviderError } from '../../src/core/errors.js'
import { installArchive } from '../../src/provider/change.js'
import type { ProvedRun } from '../../src/provider/proof-process.js'
import { compareOutputs, runProof } from '../../src/provider/prove.js'
import { contents, fakeFiles, root, writeArchive, writeFakePackage } from './rig.js'

const model = join(root, 'models/pain-demo.yaml')
const blame = { where: 'a.tar.gz', fix: 'Build it again.' }
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-prove-'))
  chmodSync(folder, 0o755)
})
afterAll(() => rmSync(folder, { recursive: true }))

const run = (outputs: number[]): ProvedRun => ({ provider: 'cuda', nodes: {}, outputs, milliseconds: 1 })

describe('outputs on a provider', () => {
  it("may differ from the CPU's by a thousandth of the largest", () => {
    expect(compareOutputs(run([10.009, -3]), run([10, -3]), blame)).toBeCloseTo(9e-4, 6)
    expect(() => compareOutputs(run([10.011, -3]), run([10, -3]), blame)).toThrow(
      /a\.tar\.gz: the classifier's outputs on cuda differ from the CPU's by 0\.11 % of the largest, allowed is 0\.1 %/
    )
  })

  it('are refused if they are not finite, or of another count', () => {
    expect(() => compareOutputs(run([Number.NaN, 1]), run([10, 1]), blame)).toThrow(ProviderError)
    expect(() => compareOutputs(run([10]), run([10, 1]), blame)).toThrow(ProviderError)
    expect(() => compareOutputs(run([10, 1, 1]), run([10, 1]), blame)).toThrow(ProviderError)
  })
})

describe('a proof', () => {
  it('ends at once when aborted', async () => {
    const stop = new AbortController()
    const request = { folder, redirect: false, model, providers: ['cpu'] as const }
    const proof = runProof(request, { blame, signal: stop.signal })
    stop.abort(new Error('stopped'))
    await expect(proof).rejects.toThrow('stopped')
    await expect(runProof(request, { blame, signal: stop.signal })).rejects.toThrow('stopped')
  })

  it('fails if the system loaded the library from another folder', async () => {
    // Not redirected, onnxruntime-node loads its own files, which are not in this folder.
    await expect(
      runProof({ folder, redirect: false, model, providers: ['cpu'] }, { blame, account: null })
    ).rejects.toThrow(/the system has loaded .*onnxruntime_binding\.node.* instead of it; is LD_LIBRARY_PATH set\?/)
  })

  it("fails with the loader's message for files that are not libraries", async () => {
    const place = writeFakePackage(join(folder, 'fake'))
    await expect(
      runProof({ folder: place.current, redirect: true, model, providers: ['cpu'] }, { blame, account: null })
    ).rejects.toThrow(/a\.tar\.gz: cpu does not work here \(.*onnxruntime_binding\.node.*\)\. Build it again\./)
  })
})

describe('installing a provider', () => {
  it('without write permission is refused with what to do', async () => {
    const place = writeFakePackage(join(folder, 'theirs'))
    const archive = writeArchive(join(folder, 'a.tar.gz'), fakeFiles())
    const before = contents(place.current)
    const asRoot = process.geteuid!() === 0
    chmodSync(place.folder, 0o555)
    if (asRoot) process.seteuid!(65534)
    try {
      const installing = installArchive(archive, { model, place, say: () => undefined })
      await expect(installing).rejects.toThrow(DiskError)
      await expect(installing).rejects.toThrow(
        /this user may not change it \(EACCES\)\. Run the command as .* with sudo/
      )
    } finally {
      if (asRoot) process.seteuid!(0)
      chmodSync(place.folder, 0o755)
    }
    expect(readdirSync(place.folder)).toEqual([process.arch])
    expect(contents(place.current)).toEqual(before)
  })

  it('is undone if the build does not load', async () => {
    const place = writeFakePackage(join(folder, 'fake2'))
    const before = contents(place.current)
    const archive = writeArchive(join(folder, 'b.tar.gz'), fakeFiles())
    await expect(installArchive(archive, { model, place, say: () => undefined })).rejects.toThrow(
      /cpu does not work here .*Nothing was changed/
    )
    expect(readdirSync(place.folder)).toEqual([process.arch])
    expect(contents(place.current)).toEqual(before)
    let out = ''
    const write = (text: string): void => {
      out += text
    }
    expect(await providerStatusCommand(write, place)).toBe(0)
    expect(out).toBe(`in place: ONNX Runtime 1.29.0 as onnxruntime-node brings it\n  ${place.current}\n`)
  })
})
