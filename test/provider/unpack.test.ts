import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DiskError, InputError, PainlensError } from '../../src/core/errors.js'
import { elfMachine } from '../../src/provider/elf.js'
import type { Place } from '../../src/provider/place.js'
import { markerName, readArchiveManifest, unpack } from '../../src/provider/unpack.js'
import { fakeFiles, fakeLibrary, manifestOf, tar, tarEntry, writeArchive, writeFakePackage } from './rig.js'

let folder: string
let place: Place
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'painlens-archive-'))
  place = writeFakePackage(join(folder, 'onnxruntime-node'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const path = (name = 'a.tar.gz'): string => join(folder, name)

/** The error of reading and unpacking an archive, or null. */
async function refusal(archive: string): Promise<PainlensError | null> {
  try {
    await unpack(archive, place, await readArchiveManifest(archive, place))
    return null
  } catch (error) {
    if (!(error instanceof PainlensError)) throw error
    return error
  } finally {
    rmSync(join(place.staged, markerName), { force: true })
  }
}

/** A header that states another size, with a right checksum. */
function sized(entry: Buffer, size: string): Buffer {
  entry.write(size.padEnd(12, '\0'), 124, 'latin1')
  entry.write('        ', 148)
  const sum = entry.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  entry.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return entry
}

describe('an archive of a provider', () => {
  it('is unpacked unchanged, readable by all users, with its manifest beside it', async () => {
    const files = fakeFiles()
    const archive = writeArchive(path(), files)
    const manifest = await readArchiveManifest(archive, place)
    expect(manifest).toEqual(manifestOf(files))
    await unpack(archive, place, manifest)
    expect(readdirSync(place.staged).sort()).toEqual([...Object.keys(files), markerName].sort())
    for (const [name, content] of Object.entries(files))
      expect(readFileSync(join(place.staged, name)).equals(content)).toBe(true)
    expect(JSON.parse(readFileSync(join(place.staged, markerName), 'utf8'))).toMatchObject(manifest)
  })

  it('is refused when truncated', async () => {
    const whole = readFileSync(writeArchive(path(), fakeFiles()))
    // The last 8 bytes are gzip's checksum and length; without them it counts as damaged too.
    for (const share of [0, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1 / whole.length]) {
      writeFileSync(path('cut.tar.gz'), whole.subarray(0, Math.floor(share * whole.length)))
      const error = await refusal(path('cut.tar.gz'))
      expect(error, `cut at ${share}`).toBeInstanceOf(InputError)
      expect(error!.message).toMatch(/damaged/)
    }
  })

  it('is refused when any single byte differs', async () => {
    const whole = readFileSync(writeArchive(path(), fakeFiles()))
    // gzip's header has a time, flags and the system's name, which are ignored.
    for (let at = 10; at < whole.length; at += 97) {
      const changed = Buffer.from(whole)
      changed[at]! ^= 0x10
      writeFileSync(path('flipped.tar.gz'), changed)
      const error = await refusal(path('flipped.tar.gz'))
      // Some bits of gzip have no meaning.
      if (error === null) expect(gunzipSync(changed).equals(gunzipSync(whole)), `byte ${at}`).toBe(true)
      else expect(error, `byte ${at}`).toBeInstanceOf(InputError)
    }
  })

  it('is refused when a file differs from its manifest although gzip and tar are valid', async () => {
    const files = fakeFiles()
    const manifest = Buffer.from(JSON.stringify(manifestOf(files)))
    const library = files['libonnxruntime.so.1']!
    library[library.length - 1]! ^= 1
    const entries = Object.entries(files).map(([name, content]) => tarEntry(name, content))
    writeFileSync(path(), gzipSync(tar([tarEntry('manifest.json', manifest), ...entries])))
    expect((await refusal(path()))!.message).toMatch(/libonnxruntime\.so\.1 has another SHA-256/)
  })

  const onlyPlain = /may hold plain files without folders only/
  const evil: [what: string, entry: Buffer, says: RegExp][] = [
    ['a path outside', tarEntry('../evil.so', Buffer.from('x')), onlyPlain],
    ['an absolute path', tarEntry('/tmp/evil.so', Buffer.from('x')), onlyPlain],
    ['a folder', tarEntry('bin/evil.so', Buffer.from('x')), onlyPlain],
    ['a symlink', tarEntry('link.so', Buffer.alloc(0), '2', '/etc/passwd'), onlyPlain],
    ['a hard link', tarEntry('link.so', Buffer.alloc(0), '1', 'LICENSE'), onlyPlain],
    ['a device', tarEntry('null', Buffer.alloc(0), '3'), onlyPlain],
    ['a long name of GNU tar', tarEntry('././@LongLink', Buffer.from('x'), 'L'), onlyPlain],
    ['a file that its manifest does not name', tarEntry('more.so', fakeLibrary('x64')), /not in its manifest/],
    [
      'the file in which painlens notes what is installed',
      tarEntry(markerName, Buffer.from('{}')),
      /which painlens writes itself/
    ],
    ['a named pipe', tarEntry('pipe.so', Buffer.alloc(0), '6'), onlyPlain],
    ['a header of pax', tarEntry('PaxHeader', Buffer.from('x'), 'x'), onlyPlain],
    [
      'a size that is negative',
      sized(tarEntry('LICENSE2', Buffer.from('x')), '-0000000001'),
      /a header of it is damaged/
    ],
    [
      'a size in base 256, of 2^63 bytes',
      sized(tarEntry('LICENSE2', Buffer.from('x')), '\x80\0\0\0\x80\0\0\0\0\0\0\0'),
      /a header of it is damaged/
    ],
    ['a size of 8 GB', sized(tarEntry('LICENSE2', Buffer.from('x')), '77777777777'), /not in its manifest/],
    ['a file twice', tarEntry('LICENSE', Buffer.from('MIT')), /is there twice/]
  ]
  it.each(evil)('is refused if it contains %s', async (_, entry, says) => {
    const error = await refusal(writeArchive(path(), fakeFiles(), {}, [entry]))
    expect(error).toBeInstanceOf(InputError)
    expect(error!.message).toMatch(says)
    expect(readdirSync(folder).filter((name) => name.startsWith('evil'))).toEqual([])
  })

  const unfit: [what: string, changes: object, says: RegExp][] = [
    ['another machine', { arch: process.arch === 'x64' ? 'arm64' : 'x64' }, /it is for linux \w+, this is linux/],
    ['another version of ONNX Runtime', { onnxruntime: '1.28.0' }, /has ONNX Runtime 1\.28\.0 .*here is 1\.29\.0/],
    ['another interface of Node.js', { napi: 7 }, /napi 7.*napi 6/],
    ['a later format', { format: 2 }, /not one that this painlens knows \(format: /],
    ['an unknown provider', { providers: ['cpu', 'quantum'] }, /providers/],
    ['a provider without its library', { providers: ['cpu', 'cuda'] }, /no libonnxruntime_providers_cuda\.so/],
    ['no files', { files: {} }, /no onnxruntime_binding\.node/],
    ['a name that leads outside', { files: { '../x': { size: 1, sha256: '0'.repeat(64) } } }, /files/]
  ]
  it.each(unfit)('is refused if its manifest states %s', async (_, changes, says) => {
    const error = await refusal(writeArchive(path(), fakeFiles(), changes))
    expect(error).toBeInstanceOf(InputError)
    expect(error!.message).toMatch(says)
  })

  it('is refused if its libraries are for another architecture than its manifest states', async () => {
    const other = process.arch === 'x64' ? 'arm64' : 'x64'
    expect((await refusal(writeArchive(path(), fakeFiles(other))))!.message).toMatch(
      new RegExp(`libonnxruntime\\.so\\.1 in it is a library for ${other}, its manifest says ${process.arch}`)
    )
    const script = { ...fakeFiles(), 'onnxruntime_binding.node': Buffer.from('#!/bin/sh\n'.repeat(9)) }
    expect((await refusal(writeArchive(path(), script)))!.message).toMatch(/is no library for Linux/)
  })

  it('is refused before unpacking if the disk has no room', async () => {
    const files = fakeFiles()
    const huge = { ...(manifestOf(files) as { files: object }).files, LICENSE: { size: 1e15, sha256: '0'.repeat(64) } }
    const error = await refusal(writeArchive(path(), files, { files: huge }))
    expect(error).toBeInstanceOf(DiskError)
    expect(error!.message).toMatch(/\d MB are needed, \d+ MB are free/)
  })

  it('is reported as missing or as not an archive', async () => {
    writeFileSync(path('text'), 'this is no archive')
    expect((await refusal(path('text')))!.message).toMatch(/damaged: it cannot be unpacked: incorrect header check/)
    writeFileSync(path('other.gz'), gzipSync(tar([tarEntry('readme', Buffer.from('hello'))])))
    expect((await refusal(path('other.gz')))!.message).toMatch(/does not begin with manifest\.json/)
    expect((await refusal(path('none')))!.message).toMatch(/cannot be read \(ENOENT/)
    expect((await refusal(folder))!.message).toMatch(/cannot be read \(it is no file\)/)
  })

  it('is refused if it holds nothing, and not by an exception of JavaScript', async () => {
    for (const [name, bytes] of Object.entries({
      'no entry': gzipSync(tar([])),
      'no bytes within gzip': gzipSync(Buffer.alloc(0)),
      'an empty manifest': gzipSync(tar([tarEntry('manifest.json', Buffer.alloc(0))])),
      'a manifest that is null': gzipSync(tar([tarEntry('manifest.json', Buffer.from('null'))]))
    })) {
      writeFileSync(path('empty.tar.gz'), bytes)
      const error = await refusal(path('empty.tar.gz'))
      expect([name, error?.code]).toEqual([name, expect.stringMatching(/^PL-INSTALL-(DAMAGED|MANIFEST)$/)])
    }
  })

  it('that goes on after its end is read no further, however long it is', async () => {
    const whole = gunzipSync(readFileSync(writeArchive(path(), fakeFiles())))
    const padded = (zeros: number) => {
      writeFileSync(path('long.tar.gz'), gzipSync(Buffer.concat([whole, Buffer.alloc(zeros)])))
      return refusal(path('long.tar.gz'))
    }
    expect(await padded(10_240)).toBeNull()
    expect((await padded(3 << 20))!.message).toMatch(/damaged: it goes on after its end/)
    // Behind the zeros is what gzip refuses: it is never reached.
    for (const [start, says] of [
      [Buffer.alloc(0), /damaged: it is empty/],
      [whole, /damaged: it goes on after its end/]
    ] as const) {
      const zeros = gzipSync(Buffer.concat([start, Buffer.alloc(6e6)]), { level: 0 })
      writeFileSync(path('zeros.tar.gz'), Buffer.concat([zeros, Buffer.from('no gzip')]))
      expect((await refusal(path('zeros.tar.gz')))!.message).toMatch(says)
    }
  })

  it('consists of 512-byte blocks with the ustar magic', async () => {
    const bytes = gunzipSync(readFileSync(writeArchive(path(), fakeFiles())))
    expect(bytes.length % 512).toBe(0)
    expect(bytes.toString('latin1', 257, 262)).toBe('ustar')
  })
})

describe('the machine of an ELF file', () => {
  it('is read from its header, in either byte order', () => {
    expect(elfMachine(readFileSync(process.execPath).subarray(0, 64))).toBe(process.arch)
    expect(elfMachine(fakeLibrary('arm64'))).toBe('arm64')
    const big = fakeLibrary('x64')
    big[5] = 2
    big.writeUInt16BE(183, 18)
    expect(elfMachine(big)).toBe('arm64')
  })

  it('is null for other files, and for architectures without Node.js', () => {
    expect(elfMachine(Buffer.from('MZ this is Windows, some 30 bytes'))).toBeNull()
    expect(elfMachine(fakeLibrary('x64').subarray(0, 19))).toBeNull()
    const odd = fakeLibrary('x64')
    odd.writeUInt16LE(9999, 18)
    expect(elfMachine(odd)).toBeNull()
  })
})
