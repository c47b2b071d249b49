import { type FileHandle, open } from 'node:fs/promises'
import { InputError } from '../core/errors.js'
import { printable } from '../core/printable.js'
import { studyDiskError, writeAll } from './files.js'

/** Rows of float32 in a file that grows by whole batches; an incomplete batch of a killed process is cut off. */
export class RowsFile {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    /** Numbers in a row. */
    private readonly size: number,
    /** Rows in the file. */
    public rows: number
  ) {}

  /** @throws DiskError */
  static async open(path: string, size: number): Promise<RowsFile> {
    try {
      const file = await open(path, 'a+')
      const rows = Math.floor((await file.stat()).size / (4 * size))
      await file.truncate(rows * 4 * size)
      return new RowsFile(path, file, size, rows)
    } catch (error) {
      throw studyDiskError(error, path)
    }
  }

  /** @throws DiskError */
  async append(rows: readonly Float32Array[]): Promise<void> {
    const all = new Float32Array(rows.length * this.size)
    for (const [i, row] of rows.entries()) all.set(row, i * this.size)
    await writeAll(this.file, new Uint8Array(all.buffer)).catch((error: unknown) => {
      throw studyDiskError(error, this.path)
    })
    this.rows += rows.length
  }

  /** The first rows, one after the other. */
  async readAll(rows: number): Promise<Float32Array> {
    const all = new Float32Array(rows * this.size)
    const { bytesRead } = await this.file.read(new Uint8Array(all.buffer), 0, all.byteLength, 0)
    if (bytesRead < all.byteLength) throw new InputError('PL-STUDY-DATA', 'it ends too early', printable(this.path))
    return all
  }

  async close(): Promise<void> {
    await this.file.close()
  }
}
