import type sharp from 'sharp'

/**
 * sharp, loaded at the first picture: that takes 0.15 s, which a daemon has better uses for while its cameras start.
 * Its cache (50 MB, of faces) is switched off, for the whole process: no picture is read twice.
 */
export async function loadSharp(): Promise<typeof sharp> {
  const { default: loaded } = await import('sharp')
  loaded.cache(false)
  return loaded
}
