/** Whether a picture has one composite's results, or those of several, which have it in their names. */
export type Naming = 'one' | 'several'

/** The files of a face under a composite, by what their names begin with. */
export function filesOf(
  stem: string,
  composite: string,
  naming: Naming
): Record<'heatmap' | 'overlay' | 'relevance', string> {
  const own = naming === 'one' ? stem : `${stem}-${composite}`
  return { heatmap: `${own}-heatmap.png`, overlay: `${own}-overlay.png`, relevance: `${own}-relevance.npy` }
}

/** The face's own files, whatever the composites. */
export const jsonOf = (stem: string): string => `${stem}.json`
export const cropOf = (stem: string): string => `${stem}-crop.png`
