/** What a browser keeps of its user's choices; one that keeps nothing has the defaults. */

export function kept<T extends string>(key: string, allowed: readonly T[]): T | null {
  try {
    const value = localStorage.getItem(`painlens.${key}`)
    return allowed.find((one) => one === value) ?? null
  } catch {
    return null
  }
}

/** @returns the value */
export function keep<T extends string>(key: string, value: T): T {
  try {
    localStorage.setItem(`painlens.${key}`, value)
  } catch {
    // Of this page's time only, then.
  }
  return value
}
