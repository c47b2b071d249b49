import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { safeStem } from '../../../src/commands/explain/result-folder.js'
import { findPictures } from '../../../src/lib/picture/find-pictures.js'
import { formatOf } from '../../../src/lib/picture/formats.js'
import { readPicture } from '../../../src/lib/picture/read.js'
import { readRegular } from '../../../src/lib/picture/regular-file.js'

let folder: string
const live = new AbortController().signal
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'painlens-find-')))
})
afterEach(() => rm(folder, { recursive: true }))

const grey = () => sharp({ create: { width: 8, height: 8, channels: 3, background: 'grey' } })
const at = (...parts: string[]): string => join(folder, ...parts)

/** Paths below the folder, and what is passed over as `path: code, counted as, whether it fails`. */
async function found(paths = [folder], out = at('none')) {
  const { pictures, passedOver } = await findPictures(paths, out, live)
  return {
    pictures: pictures.map(({ path }) => relative(folder, path)),
    passedOver: passedOver.map(({ as, fails, error }) => {
      const where = error.where.replace(`${folder}/`, '')
      return `${where}: ${error.code}, ${as}${fails ? ', fails' : ''}`
    })
  }
}

/** A TIFF of one row and one channel. @param format of its samples (TIFF 6.0, SampleFormat): 1 whole numbers, 3 floating point */
function tiff(format: number, row: Float32Array | Uint32Array | Uint16Array): Buffer {
  const data = Buffer.from(row.buffer)
  const shorts = [
    [256, row.length],
    [257, 1],
    [258, 8 * row.BYTES_PER_ELEMENT],
    [259, 1],
    [262, 1]
  ]
  const strip = [
    [273, 8],
    [277, 1],
    [278, 1],
    [279, data.length],
    [339, format]
  ]
  const entries = [...shorts, ...strip].map(([tag, value]) => {
    const entry = Buffer.alloc(12)
    entry.writeUInt16LE(tag!)
    entry.writeUInt16LE(3, 2)
    entry.writeUInt32LE(1, 4)
    entry.writeUInt16LE(value!, 8)
    return entry
  })
  const head = Buffer.from('49492a0000000000', 'hex')
  head.writeUInt32LE(8 + data.length, 4)
  return Buffer.concat([head, data, Buffer.from([entries.length, 0]), ...entries, Buffer.alloc(4)])
}

/** The first bytes of files as programs write them. */
const heads: Record<string, Buffer> = {
  HEIC: Buffer.from('000000186674797068656963000000006d69663168656963', 'hex'),
  BMP: Buffer.concat([Buffer.from('BM'), Buffer.from('3ac0000000000000360000002800000080000000', 'hex')]),
  'JPEG XL': Buffer.from('ff0a7f0090010012880200', 'hex'),
  'JPEG 2000': Buffer.from('0000000c6a5020200d0a870a00000014667479706a703220', 'hex'),
  DICOM: Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]),
  PPM: Buffer.from('P6\n8 8\n255\n'),
  "a camera's raw format": Buffer.from('49492a00100000004352020000000000', 'hex')
}

describe('the files that painlens explain takes', () => {
  it('are recognised as pictures by their content, not by their names', async () => {
    await mkdir(at('sub'))
    await writeFile(at('photo.jfif'), await grey().jpeg().toBuffer())
    await writeFile(at('bare'), await grey().png().toBuffer())
    await writeFile(at('wrong.txt'), await grey().webp().toBuffer())
    await writeFile(at('sub', 'scan'), await grey().tiff().toBuffer())
    await writeFile(at('anim'), await grey().gif().toBuffer())
    await writeFile(at('new.heic'), await grey().avif().toBuffer())
    await writeFile(
      at('drawn'),
      '\ufeff<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'
    )
    const pictures = ['anim', 'bare', 'drawn', 'new.heic', 'photo.jfif', 'sub/scan', 'wrong.txt']
    expect(await found()).toEqual({ pictures, passedOver: [] })
    for (const name of pictures) expect(await readPicture(at(name), live)).toMatchObject({ width: 8, height: 8 })
  })

  it.each(Object.entries(heads))(
    'do not include %s, which fails with its format named and a remedy',
    async (name, head) => {
      await writeFile(at('file.jpg'), Buffer.concat([head, Buffer.alloc(64)]))
      const { pictures, passedOver } = await findPictures([folder], at('none'), live)
      expect(pictures).toEqual([])
      expect(passedOver).toMatchObject([{ as: 'unreadable', fails: true, error: { code: 'PL-PICTURE-FORMAT' } }])
      expect(passedOver[0]!.error.message).toMatch(new RegExp(`is ${name}, which cannot be read here\\. \\w.*\\.$`))
      // sharp agrees that it cannot read it, so nothing readable is refused.
      await expect(readPicture(at('file.jpg'), live)).rejects.toThrow(/cannot be read as a picture/)
    }
  )

  it('do not include a PDF or a video, whose error says how to take a picture from it', async () => {
    await writeFile(at('report'), '%PDF-1.7\n')
    await writeFile(at('film.mov'), Buffer.from('000000206674797069736f6d0000020069736f6d69736f32', 'hex'))
    await writeFile(at('film.jpg'), Buffer.from('1a45dfa3934282886d6174726f736b61', 'hex'))
    const { passedOver } = await findPictures([folder], at('none'), live)
    expect(
      passedOver.map(({ as, fails, error }) => `${as}, ${fails}: ${error.what}. ${error.fix.slice(0, 16)}`)
    ).toEqual([
      'unreadable, true: cannot be read as a picture (its content is a video). Save a frame of ',
      'not a picture, false: is a video, not a picture. Save a frame of ',
      'not a picture, false: is PDF, not a picture. Save its page as'
    ])
  })

  it('do not include raw camera files, which are TIFF by content and are recognised by extension', () => {
    const tiff = Buffer.from('49492a0008000000', 'hex')
    expect(formatOf(tiff, 'a.NEF')).toMatchObject({ name: "a camera's raw format", readable: false })
    expect(formatOf(tiff, 'a.tif')).toMatchObject({ name: 'TIFF', readable: true })
  })

  it('do not include other files: skipped in a folder, an error if given by name or with a picture extension', async () => {
    await writeFile(at('notes.txt'), 'Basic notes')
    await writeFile(at('.gitkeep'), '')
    await writeFile(at('empty.jpg'), '')
    await writeFile(at('BMW.txt'), 'BM is how this begins')
    await writeFile(at('p1.txt'), 'P1 slept well')
    expect(await found([folder, at('notes.txt')])).toEqual({
      pictures: [],
      passedOver: [
        '.gitkeep: PL-PICTURE-OTHER-FILE, not a picture',
        'BMW.txt: PL-PICTURE-OTHER-FILE, not a picture',
        'empty.jpg: PL-PICTURE-UNREADABLE, unreadable, fails',
        'notes.txt: PL-PICTURE-OTHER-FILE, not a picture',
        'p1.txt: PL-PICTURE-OTHER-FILE, not a picture',
        'notes.txt: PL-PICTURE-TWICE, named twice'
      ]
    })
    expect((await found([at('notes.txt')])).passedOver).toEqual([
      'notes.txt: PL-PICTURE-OTHER-FILE, not a picture, fails'
    ])
  })

  it('do not include a FIFO, socket or device, which is named and never opened, also behind a link', async () => {
    execFileSync('mkfifo', [at('fifo')])
    await symlink('fifo', at('link.jpg'))
    await symlink('/dev/zero', at('zero'))
    const server = createServer().listen(at('socket'))
    try {
      expect(await found([folder, at('fifo')])).toEqual({
        pictures: [],
        passedOver: [
          'fifo: PL-PICTURE-SPECIAL-FILE, FIFO',
          'link.jpg: PL-PICTURE-SPECIAL-FILE, FIFO',
          'socket: PL-PICTURE-SPECIAL-FILE, socket',
          'zero: PL-PICTURE-SPECIAL-FILE, device',
          'fifo: PL-PICTURE-SPECIAL-FILE, FIFO, fails'
        ]
      })
    } finally {
      server.close()
    }
    await expect(readRegular(at('fifo'), live)).rejects.toThrow(/is a FIFO/)
  })

  it('include those behind links; a link that is broken, circular or leads back is named', async () => {
    await mkdir(at('a'))
    await mkdir(at('elsewhere'))
    await writeFile(at('elsewhere', 'p.png'), await grey().png().toBuffer())
    await symlink('../elsewhere/p.png', at('a', 'file'))
    await symlink('../elsewhere', at('a', 'more'))
    await symlink('..', at('a', 'up'))
    await symlink('gone', at('a', 'dead'))
    await symlink('round', at('a', 'round'))
    await symlink('../out', at('a', 'results'))
    await mkdir(at('out'))
    expect(await found([at('a')], at('out'))).toEqual({
      pictures: ['a/file', 'a/more/p.png'],
      passedOver: [
        'a/dead: PL-PICTURE-MISSING, unreadable, fails',
        'a/results: PL-PICTURE-RESULTS, folder of results',
        'a/round: PL-PICTURE-MISSING, unreadable, fails',
        'a/up: PL-PICTURE-SEARCH, folder not searched'
      ]
    })
  })

  it('are not there behind a link that leads nowhere, which is told with where it leads', async () => {
    await symlink('gone\u001b[2J', at('dead.jpg'))
    const { passedOver } = await findPictures([folder], at('none'), live)
    expect(passedOver.map(({ error }) => error.message)).toEqual([
      `${at('dead.jpg')}: is a link to gone\\x1b[2J, which is not there. Remove the link, or put back what it leads to.`
    ])
    await expect(readRegular(at('dead.jpg'), live)).rejects.toThrow(/is a link to gone/)
    await expect(readRegular(at('never.jpg'), live)).rejects.toThrow(/there is no such file/)
  })

  it('are not looked for in /proc and /dev, nor from / on; those beside such links are found', async () => {
    await mkdir(at('a'))
    await symlink('/proc', at('a', 'kernel'))
    await symlink('/', at('a', 'root'))
    await symlink('/dev', at('a', 'machine'))
    await symlink('..', at('a', 'up'))
    await writeFile(at('a', 'z.png'), await grey().png().toBuffer())
    const { pictures, passedOver } = await findPictures([at('a'), '/proc/self'], at('none'), live)
    expect(pictures.map(({ within }) => within)).toEqual(['z.png'])
    expect(passedOver.map(({ as, fails, error }) => `${as}, ${fails}: ${error.code} ${error.what}`)).toEqual([
      'folder not searched, false: PL-PICTURE-SEARCH is a folder of the kernel (proc), not of files on a disk',
      'folder not searched, false: PL-PICTURE-SEARCH is a folder of the kernel (devices), not of files on a disk',
      'folder not searched, false: PL-PICTURE-SEARCH is a link to /, which holds the folder that was named',
      `folder not searched, false: PL-PICTURE-SEARCH is a link to ${folder}, which holds the folder that was named`,
      'folder not searched, true: PL-PICTURE-SEARCH is a folder of the kernel (proc), not of files on a disk'
    ])
  })

  it('are no longer looked for after so many other files in a row, which fails; the next named folder is searched', async () => {
    await mkdir(at('a'))
    await mkdir(at('b'))
    for (const name of ['1', '2', '4', '5', '6', '7']) await writeFile(at('a', name), 'text')
    for (const file of [at('a', '3'), at('a', '8'), at('b', '1')]) await writeFile(file, await grey().png().toBuffer())
    const { pictures, passedOver } = await findPictures([at('a'), at('b')], at('none'), live, 3)
    expect(pictures.map(({ path }) => relative(folder, path))).toEqual(['a/3', 'b/1'])
    expect(passedOver.filter(({ error }) => error.code === 'PL-PICTURE-SEARCH')).toMatchObject([
      { fails: true, error: { what: 'the search has ended: 3 files in a row are no pictures', where: at('a', '6') } }
    ])
    expect((await findPictures([at('a')], at('none'), live, 5)).pictures).toHaveLength(2)
  })

  it('include the readable ones where a subfolder or file is not readable, which is named', async () => {
    await mkdir(at('closed'))
    await writeFile(at('closed', 'p.png'), await grey().png().toBuffer())
    await writeFile(at('mine.png'), await grey().png().toBuffer())
    await writeFile(at('open.png'), await grey().png().toBuffer())
    await chmod(at('closed'), 0)
    await chmod(at('mine.png'), 0)
    await chmod(folder, 0o755)
    const isRoot = process.geteuid!() === 0
    // Rights do not hold for root.
    if (isRoot) process.seteuid!(65_534)
    const result = await found().finally(() => isRoot && process.seteuid!(0))
    expect(result).toEqual({
      pictures: ['open.png'],
      passedOver: [
        'closed: PL-PICTURE-FOLDER, unreadable folder, fails',
        'mine.png: PL-PICTURE-FORBIDDEN, unreadable, fails'
      ]
    })
  })

  it('do not include one of more pixels than are decoded, whatever its file has', async () => {
    const png = await grey().png().toBuffer()
    // Width and height of IHDR, then its CRC (PNG, third edition, 11.2.1).
    for (const offset of [16, 20]) png.writeUInt32BE(30_000, offset)
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29)
    await writeFile(at('huge.png'), png)
    const reading = readPicture(at('huge.png'), live)
    await expect(reading).rejects.toMatchObject({ code: 'PL-PICTURE-TOO-LARGE', fix: 'Save the picture smaller.' })
    await expect(reading).rejects.toThrow('has 30000 x 30000 pixels, 900 million; up to 269 million are read')
  })

  it('do not include a TIFF of numbers whose range it does not say; one of 16 bits is read', async () => {
    const ramp = Array.from({ length: 64 }, (_, i) => i / 64)
    await writeFile(at('float.tif'), tiff(3, Float32Array.from(ramp)))
    await writeFile(
      at('whole.tif'),
      tiff(
        1,
        Uint32Array.from(ramp, (value) => value * 2 ** 32)
      )
    )
    await writeFile(
      at('fine.tif'),
      tiff(
        1,
        Uint16Array.from(ramp, (value) => value * 2 ** 16)
      )
    )
    for (const [name, kind] of [
      ['float', 'float'],
      ['whole', 'uint']
    ]) {
      const reading = readPicture(at(`${name}.tif`), live)
      await expect(reading).rejects.toMatchObject({ code: 'PL-PICTURE-FORMAT' })
      await expect(reading).rejects.toThrow(
        `(${kind}) than 8 or 16 bits for each colour, and does not say which of them is white`
      )
    }
    const { data } = await readPicture(at('fine.tif'), live)
    expect(data.filter((_, i) => i % 3 === 0)).toEqual(Uint8Array.from(ramp, (value) => value * 256))
  })

  it('do not include those whose names are too long or not in UTF-8, which the error says', async () => {
    const bytes = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x62, 0xff])])
    await writeFile(bytes, 'x')
    const long = at('n'.repeat(300))
    const { passedOver } = await findPictures([folder, long], at('none'), live)
    expect(passedOver.map(({ error }) => `${error.code} ${error.what}`)).toEqual([
      'PL-PICTURE-NAME has a name that is not UTF-8',
      'PL-PICTURE-NAME has a longer name than the system takes'
    ])
  })
})

describe('a picture with several frames', () => {
  const raw = { width: 8, height: 24, channels: 3, pageHeight: 8 } as const
  const film = () => sharp(Buffer.concat([0, 120, 240].map((grey) => Buffer.alloc(8 * 8 * 3, grey))), { raw })

  it('is read as its first frame, with the number of all: GIF, WebP', async () => {
    await writeFile(at('a.gif'), await film().gif().toBuffer())
    await writeFile(at('a.webp'), await film().webp({ lossless: true }).toBuffer())
    for (const name of ['a.gif', 'a.webp']) {
      const { data, frames } = await readPicture(at(name), live)
      expect([name, frames, data[0]! < 20]).toEqual([name, 3, true])
    }
  })

  it('is counted in an animated PNG by its chunk acTL, and chunks that are cut off or endless count as one', async () => {
    const png = await grey().png().toBuffer()
    const chunk = Buffer.alloc(20)
    chunk.writeUInt32BE(8, 0)
    chunk.write('acTL', 4)
    chunk.writeUInt32BE(12, 8)
    // Its CRC, which libvips does not look at in chunks that it does not know.
    chunk.writeUInt32BE(crc32(chunk.subarray(4, 16)), 16)
    const afterHeader = 33
    const animated = Buffer.concat([png.subarray(0, afterHeader), chunk, png.subarray(afterHeader)])
    await writeFile(at('a.png'), animated)
    await writeFile(at('still.png'), png)
    expect((await readPicture(at('a.png'), live)).frames).toBe(12)
    expect((await readPicture(at('still.png'), live)).frames).toBe(1)
    for (let bytes = 1; bytes < animated.length; bytes += 3) {
      await writeFile(at('cut.png'), animated.subarray(0, bytes))
      await readPicture(at('cut.png'), live).catch(({ code }) => expect(code).toBe('PL-PICTURE-UNREADABLE'))
    }
  })
})

describe('reading the file of a picture', () => {
  it('stops at a requested length, and refuses a file of more than 256 MB', async () => {
    await writeFile(at('file'), 'abcdef')
    expect((await readRegular(at('file'), live, 3)).toString()).toBe('abc')
    expect((await readRegular(at('file'), live)).toString()).toBe('abcdef')
    await truncate(at('file'), 300 * 2 ** 20)
    await expect(readRegular(at('file'), live)).rejects.toMatchObject({
      code: 'PL-PICTURE-TOO-LARGE',
      what: 'has 300 MB; up to 256 MB are read'
    })
    expect(await readRegular(at('file'), live, 3)).toHaveLength(3)
  })

  it('ends while it reads when it is aborted', async () => {
    await writeFile(at('file'), '')
    await truncate(at('file'), 200 * 2 ** 20)
    const stop = new AbortController()
    const reading = readRegular(at('file'), stop.signal)
    setImmediate(() => stop.abort(new RangeError('stopped')))
    await expect(reading).rejects.toThrow('stopped')
    await expect(findPictures([folder], at('none'), stop.signal)).rejects.toThrow('stopped')
  })
})

describe("the names of a picture's results", () => {
  it('are derived from its path, without unsafe characters, and are unique', () => {
    expect(safeStem('ward/resident.jpg')).toBe('ward-resident')
    expect(safeStem('Größe 2.png')).toBe('Größe 2')
    expect(safeStem('a\u001b[2J.png')).toMatch(/^a_\[2J-[0-9a-f]{10}$/)
    expect(safeStem('.jpg')).toMatch(/^_jpg-[0-9a-f]{10}$/)
    expect(safeStem('a?.png')).not.toBe(safeStem('a*.png'))
    const long = safeStem(`${'ü'.repeat(120)}.png`)
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(120)
    expect(long).toMatch(/^ü+-[0-9a-f]{10}$/)
    expect(long).not.toBe(safeStem(`${'ü'.repeat(121)}.png`))
  })
})
