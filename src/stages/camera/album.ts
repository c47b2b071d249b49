/** Distinct pictures kept per camera, 15 kB each: what one group of pictures of an encoder may hold after it has settled. */
const capacity = 32

/** The distinct pictures of late, to know one that comes again. */
export class Album {
  /** The one seen last is first. */
  readonly #pictures: Uint8Array[] = []

  /**
   * Whether the picture is like none of the album, which takes it in then; the one not seen for longest goes.
   * @param tolerated up to so many values may differ, by however much
   */
  isNew(picture: Uint8Array, tolerated: number): boolean {
    const pictures = this.#pictures
    const known = pictures.findIndex((candidate) => !differs(candidate, picture, tolerated))
    const [kept = new Uint8Array(picture.length)] =
      known >= 0 ? pictures.splice(known, 1) : pictures.splice(capacity - 1, 1)
    pictures.unshift(kept)
    if (known < 0) kept.set(picture)
    return known < 0
  }
}

function differs(a: Uint8Array, b: Uint8Array, tolerated: number): boolean {
  let left = tolerated
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && --left < 0) return true
  return false
}
