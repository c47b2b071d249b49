/** Where a restore puts things: what may be replaced there, and whose it is then. */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  type Stats
} from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { InputError } from '../../core/errors.js'
import { type Move, stagedFor } from '../../core/exchange.js'
import { isBelow } from './form.js'

const found = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false })

const refused = (what: string, path: string): InputError => new InputError('PL-RESTORE-PLACE', what, path)

/**
 * Makes everything beside its target, to be exchanged all at once later. What it made is removed by `discard`.
 * @param roots the folders of the config and the state, which may themselves be reached by links
 */
export class Staging {
  readonly moves: Move[] = []
  readonly #roots: readonly string[]

  constructor(roots: readonly string[]) {
    this.#roots = roots
  }

  /**
   * @param from a plain file
   * @param mode of a new file; one that is replaced keeps its own
   * @throws InputError where the target is not below a root, or a link
   */
  file(from: string, target: string, mode: number): void {
    if (!this.#roots.some((root) => isBelow(target, root)))
      throw refused("it is neither below the config's folder nor below the state's", target)
    this.stateFile(from, target, mode)
  }

  /** As `file`, for one that painlens keeps beside its outbox, wherever the config has that. */
  stateFile(from: string, target: string, mode: number): void {
    const there = this.#checked(target)
    if (there && !there.isFile()) throw refused('there is something else than a file', target)
    const staged = this.#begin(target)
    copyFileSync(from, staged, constants.COPYFILE_EXCL)
    chmodSync(staged, there ? there.mode & 0o777 : mode)
    giveTo(staged, there ?? ownerFor(target))
    sync(staged)
  }

  /**
   * @param isOwn whether names of files are those that painlens writes there: only such a folder is replaced
   * @param fill writes into the new folder
   */
  async folder(
    target: string,
    isOwn: (names: readonly string[]) => boolean,
    fill: (folder: string) => Promise<void>
  ): Promise<void> {
    const there = this.#checked(target)
    if (there && !(there.isDirectory() && isOwn(readdirSync(target))))
      throw refused('there is something else than painlens keeps there', target)
    const staged = this.#begin(target)
    mkdirSync(staged, { mode: 0o700 })
    await fill(staged)
    const owner = there ?? ownerFor(target)
    for (const name of readdirSync(staged)) {
      giveTo(join(staged, name), owner)
      sync(join(staged, name))
    }
    giveTo(staged, owner)
    sync(staged)
  }

  discard(): void {
    for (const { staged } of this.moves) rmSync(staged, { recursive: true, force: true })
  }

  /** Also a folder on the way may be no link: it could lead anywhere. */
  #checked(target: string): Stats | undefined {
    const root = this.#roots.find((one) => isBelow(target, one))
    for (let path = target; root !== undefined && isBelow(path, root); path = dirname(path))
      if (found(path)?.isSymbolicLink()) throw refused('it is a link', path)
    const there = found(target)
    if (there?.isSymbolicLink()) throw refused('it is a link', target)
    return there
  }

  #begin(target: string): string {
    if (target.split(sep).some((name) => name.startsWith('.painlens-')))
      throw refused('painlens keeps there what a restore does', target)
    // What lies in a folder that is exchanged would go with the old one.
    const others = this.moves.flatMap((move) => [move.staged, move.target])
    if (others.some((other) => other === target || isBelow(target, other) || isBelow(other, target)))
      throw refused('two parts of the backup belong there', target)
    const staged = stagedFor(target)
    makeFolder(dirname(target))
    rmSync(staged, { recursive: true, force: true })
    this.moves.push({ staged, target })
    return staged
  }
}

function makeFolder(folder: string): void {
  if (found(folder)) return
  makeFolder(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
  giveTo(folder, ownerFor(folder))
}

/** New files get the owner of the folder around them. */
const ownerFor = (target: string): Stats | undefined => found(dirname(target))

function giveTo(path: string, owner: Stats | undefined): void {
  if (process.getuid?.() === 0 && owner) chownSync(path, owner.uid, owner.gid)
}

function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
