/** The learning rate over a fit: `cosine` falls to zero (Loshchilov and Hutter 2017, without restarts). */
export const schedules = ['cosine', 'constant'] as const
export type Schedule = (typeof schedules)[number]

/** Whether neutral faces are trained towards all classes alike, or not trained on. */
export const neutralUses = ['uniform', 'leave-out'] as const
export type NeutralUse = (typeof neutralUses)[number]

/** Data sets of which `painlens study prepare` knows how they lie on disk. */
export const layoutNames = ['biovid', 'unbc', 'bp4d', 'disfa', 'rafdb', 'folders'] as const
export type LayoutName = (typeof layoutNames)[number]
