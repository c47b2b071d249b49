/** The learning rate over a fit: `cosine` falls to zero (Loshchilov and Hutter 2017, without restarts). */
export const schedules = ['cosine', 'constant'] as const
export type Schedule = (typeof schedules)[number]

/** Whether neutral faces are trained towards all classes alike, or not trained on. */
export const neutralUses = ['uniform', 'leave-out'] as const
export type NeutralUse = (typeof neutralUses)[number]
