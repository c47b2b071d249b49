/** Something that happens once, and a promise that resolves then; it may be waited for before and after. */
export function event(): [happen: () => void, happened: Promise<void>] {
  let happen: () => void = () => undefined
  const happened = new Promise<void>((resolve) => {
    happen = resolve
  })
  return [happen, happened]
}
