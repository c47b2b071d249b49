/** The learning rate over a fit: `cosine` falls to zero (Loshchilov and Hutter 2017, without restarts). */
export const schedules = ['cosine', 'constant'] as const
export type Schedule = (typeof schedules)[number]

/** Whether neutral faces are trained towards all classes alike, or not trained on. */
export const neutralUses = ['uniform', 'leave-out'] as const
export type NeutralUse = (typeof neutralUses)[number]

/** Where training is computed; `auto`: on the GPU where that works. TensorRT computes no training. */
export const trainingProviders = ['auto', 'cuda', 'cpu'] as const
export type TrainingProvider = (typeof trainingProviders)[number]

/** Numbers in which features are kept: float16 takes half the disk, and has 11 significant bits. */
export const cacheForms = ['float32', 'float16'] as const
export type CacheForm = (typeof cacheForms)[number]

/** Data sets of which `painlens study prepare` knows how they lie on disk. */
export const layoutNames = ['biovid', 'unbc', 'bp4d', 'disfa', 'rafdb', 'folders'] as const
export type LayoutName = (typeof layoutNames)[number]

/** The languages of `painlens study report`, by ISO 639-1 code. */
export const reportLanguages = ['en', 'de'] as const
export type ReportLanguageCode = (typeof reportLanguages)[number]

/** The composites of Weitz et al. 2018, in the order of its figures 3 and 4. */
export const paperComposites: string[] = [
  'lrp.z',
  'lrp.epsilon',
  'lrp.sequential_preset_a_flat',
  'lrp.sequential_preset_b_flat'
]
