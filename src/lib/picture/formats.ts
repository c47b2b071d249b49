import { extname } from 'node:path'

/** A file format, recognised by its first bytes. */
export interface Format {
  /** Its name in a sentence: `HEIC`, `a camera's raw format`. */
  name: string
  /** Whether sharp's libvips reads it. */
  readable: boolean
  /** Whether it is not a picture, so that it is skipped in folders. */
  other?: boolean
  /** Advice if it is not readable; to save it as JPEG or PNG unless given. */
  fix?: string
}

interface Row extends Format {
  /** @param extension in lower case, with its dot */
  matches(head: Buffer, extension: string): boolean
}

/** Number of first bytes to read: an SVG may begin with a comment. */
export const headBytes = 4096

const begins =
  (...signatures: string[]) =>
  (head: Buffer): boolean =>
    signatures.some((signature) => hasAt(head, 0, signature))
const hasAt = (head: Buffer, offset: number, signature: string): boolean =>
  head.subarray(offset, offset + signature.length).equals(Buffer.from(signature, 'latin1'))
const riff = (kind: string) => (head: Buffer) => hasAt(head, 0, 'RIFF') && hasAt(head, 8, kind)

/** The major and the compatible brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`); none for other files. */
function brandsOf(head: Buffer): string[] {
  if (!hasAt(head, 4, 'ftyp')) return []
  const end = Math.min(head.readUInt32BE(0), head.length)
  const offsets = [8, ...Array.from({ length: Math.max(0, Math.floor((end - 16) / 4)) }, (_, i) => 16 + 4 * i)]
  return offsets.map((offset) => head.toString('latin1', offset, offset + 4))
}
const branded =
  (...names: string[]) =>
  (head: Buffer): boolean =>
    brandsOf(head).some((brand) => names.includes(brand))

const tiff = begins('II*\0', 'MM\0*', 'II+\0', 'MM\0+')
/** Raw formats that are TIFF files, of which libvips would read the thumbnail. */
const rawExtensions = new Set('.3fr .arw .cr2 .dcr .dng .erf .kdc .mef .nef .nrw .pef .sr2 .srw'.split(' '))

const heicFix =
  'Save it as JPEG or PNG: with heif-convert (libheif-examples), or let the telephone send JPEG ("most compatible").'
const rawFix = 'Export it as JPEG or PNG from the program that develops the raw files.'
const pdfFix = 'Save its page as a picture: pdftoppm -png FILE.pdf page.'
const videoFix = 'Save a frame of it as a picture: ffmpeg -i VIDEO -frames:v 1 frame.png.'

/** The first matching row decides. */
const rows: readonly Row[] = [
  { name: 'JPEG', readable: true, matches: begins('\xff\xd8\xff') },
  { name: 'PNG', readable: true, matches: begins('\x89PNG\r\n\x1a\n') },
  { name: 'GIF', readable: true, matches: begins('GIF87a', 'GIF89a') },
  { name: 'WebP', readable: true, matches: riff('WEBP') },
  { name: 'AVIF', readable: true, matches: branded('avif', 'avis') },
  {
    name: "a camera's raw format",
    readable: false,
    fix: rawFix,
    matches: (head, extension) =>
      (tiff(head) && (hasAt(head, 8, 'CR\x02') || rawExtensions.has(extension))) ||
      begins('FUJIFILMCCD-RAW', 'IIRO', 'IIRS', 'MMOR', 'IIU\0')(head) ||
      branded('crx ')(head)
  },
  { name: 'TIFF', readable: true, matches: tiff },
  { name: 'SVG', readable: true, matches: isSvg },
  {
    name: 'HEIC',
    readable: false,
    fix: heicFix,
    matches: branded('heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1')
  },
  { name: 'BMP', readable: false, matches: (head) => hasAt(head, 0, 'BM') && hasAt(head, 6, '\0\0\0\0') },
  { name: 'JPEG XL', readable: false, matches: begins('\xff\x0a', '\0\0\0\x0cJXL ') },
  { name: 'JPEG 2000', readable: false, matches: begins('\0\0\0\x0cjP  ', '\xff\x4f\xff\x51') },
  { name: 'DICOM', readable: false, matches: (head) => hasAt(head, 128, 'DICM') },
  { name: 'Photoshop', readable: false, matches: begins('8BPS') },
  { name: 'an icon (ICO)', readable: false, matches: begins('\0\0\x01\0') },
  { name: 'PPM', readable: false, matches: isPpm },
  { name: 'OpenEXR', readable: false, matches: begins('\x76\x2f\x31\x01') },
  { name: 'Radiance HDR', readable: false, matches: begins('#?RADIANCE', '#?RGBE') },
  { name: 'PDF', readable: false, other: true, fix: pdfFix, matches: begins('%PDF-') },
  {
    name: 'a video',
    readable: false,
    other: true,
    fix: videoFix,
    matches: (head) =>
      brandsOf(head).length > 0 || begins('\x1a\x45\xdf\xa3', '\0\0\x01\xba')(head) || riff('AVI ')(head)
  }
]

/** Netpbm's formats, as distinct from a text that begins with "P1". */
function isPpm(head: Buffer): boolean {
  return /^(P[1-6]\s+(#|\d+\s)|P7\nWIDTH )/.test(head.toString('latin1', 0, 32))
}

function isSvg(head: Buffer): boolean {
  const text = head.toString('utf8').replace(/^\ufeff/, '')
  return /^\s*<(\?xml|!--|!doctype\s+svg|svg[\s>])/i.test(text) && /<svg[\s>]/.test(text)
}

/** @returns null if the first bytes are not those of a picture or video */
export function formatOf(head: Buffer, path: string): Format | null {
  return rows.find(({ matches }) => matches(head, extname(path).toLowerCase())) ?? null
}

const pictureExtensions = new Set(
  '.jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .avif .svg .heic .heif .bmp .jxl .jp2 .tga'.split(' ')
)

/** Whether a file has a picture's extension, so that it is damaged if it is not one. */
export const isNamedLikePicture = (path: string): boolean => pictureExtensions.has(extname(path).toLowerCase())
