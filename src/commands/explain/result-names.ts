/** Whether a picture has results of one composite, or of several, which are part of the names. */
export type Naming = 'one' | 'several'

/** The files of a face under a composite, by their prefix. */
export function filesOf(
  stem: string,
  composite: string,
  naming: Naming
): Record<'heatmap' | 'overlay' | 'relevance', string> {
  const own = naming === 'one' ? stem : `${stem}-${composite}`
  return { heatmap: `${own}-heatmap.png`, overlay: `${own}-overlay.png`, relevance: `${own}-relevance.npy` }
}

/** The face's files that do not depend on a composite. */
export const jsonOf = (stem: string): string => `${stem}.json`
export const cropOf = (stem: string): string => `${stem}-crop.png`
