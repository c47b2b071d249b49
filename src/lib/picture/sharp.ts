import type sharp from 'sharp'
import { requirePackage } from '../../core/packages.js'

/**
 * sharp, loaded at the first picture: a daemon has better things to do while its cameras start. Its cache (50 MB, of faces) is switched off,
 * for the whole process: no picture is read twice.
 */
export function loadSharp(): typeof sharp {
  const loaded = requirePackage('sharp')
  loaded.cache(false)
  return loaded
}
