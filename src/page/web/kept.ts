/** The user's choices in the browser's local storage; the defaults where it stores nothing. */

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
