import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Place, providerPlace } from '../../src/provider/place.js'

export const root = resolve(import.meta.dirname, '../..')
export const nativeFolder = join('node_modules/onnxruntime-node/bin/napi-v6', process.platform, process.arch)
const elfMachine = { x64: 62, arm64: 183 } as const

/** The first bytes of a library for a machine, and some more. */
export function fakeLibrary(arch: keyof typeof elfMachine, content = 'code'): Buffer {
  const header = Buffer.alloc(64)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(elfMachine[arch], 18)
  return Buffer.concat([header, Buffer.from(content)])
}

/** A package of onnxruntime-node's layout in a folder, with files that cannot be loaded. */
export function writeFakePackage(folder: string): Place {
  const native = join(folder, 'bin/napi-v6', process.platform, process.arch)
  mkdirSync(native, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "version": "1.29.0" }')
  for (const name of ['onnxruntime_binding.node', 'libonnxruntime.so.1'])
    writeFileSync(join(native, name), `the old ${name}`)
  return providerPlace(folder)
}

export type Files = Record<string, Buffer>

export const fakeFiles = (arch = process.arch as keyof typeof elfMachine): Files => ({
  'libonnxruntime.so.1': fakeLibrary(arch, 'library'),
  'onnxruntime_binding.node': fakeLibrary(arch, 'binding'),
  LICENSE: Buffer.from('MIT')
})

export function manifestOf(files: Files, changes: object = {}): object {
  const described = Object.entries(files).map(([name, content]) => [
    name,
    { size: content.length, sha256: createHash('sha256').update(content).digest('hex') }
  ])
  return {
    format: 1,
    onnxruntime: '1.29.0',
    napi: 6,
    platform: process.platform,
    arch: process.arch,
    providers: ['cpu'],
    cuda: null,
    cuda_architectures: [],
    cudnn: null,
    tensorrt: null,
    jetpack: null,
    built: '2026-01-31T06:00:00.000Z',
    files: Object.fromEntries(described),
    ...changes
  }
}

/** One entry of a tar archive, written from POSIX's table of ustar's fields. */
export function tarEntry(name: string, content: Buffer, type = '0', link = ''): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write(link, 157)
  header.write('ustar\x0000', 257)
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}

export function tar(entries: readonly Buffer[]): Buffer {
  return Buffer.concat([...entries, Buffer.alloc(1024)])
}

/** Writes an archive of files with a manifest over them; not compressed much, for speed. */
export function writeArchive(path: string, files: Files, changes: object = {}, more: readonly Buffer[] = []): string {
  const manifest = Buffer.from(JSON.stringify(manifestOf(files, changes)))
  const entries = Object.entries(files).map(([name, content]) => tarEntry(name, content))
  writeFileSync(path, gzipSync(tar([tarEntry('manifest.json', manifest), ...entries, ...more]), { level: 0 }))
  return path
}

/** A copy of this installation of painlens with its own onnxruntime-node, which shares no file with this one. */
export function copyInstallation(folder: string): { main: string; native: string } {
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'models'), join(folder, 'models'))
  const packages = join(folder, 'node_modules')
  mkdirSync(packages)
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== 'onnxruntime-node') symlinkSync(join(root, 'node_modules', name), join(packages, name))
  const from = join(root, 'node_modules/onnxruntime-node')
  for (const part of ['package.json', 'dist', join('bin/napi-v6', process.platform, process.arch)])
    cpSync(join(from, part), join(packages, 'onnxruntime-node', part), { recursive: true })
  return { main: join(folder, 'dist/main.js'), native: join(folder, nativeFolder) }
}

/** The content of each file of a folder. */
export function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]))
}

/**
 * A folder for PATH whose unshare runs its command without a new namespace, so that tests change nothing of this machine;
 * confinement.test.ts shows what it is called with.
 */
export function withoutNamespaces(folder: string): string {
  const bin = join(folder, 'no-namespaces')
  mkdirSync(bin)
  writeFileSync(join(bin, 'unshare'), '#!/bin/sh\nshift 2; exec "$@"\n', { mode: 0o755 })
  return bin
}
