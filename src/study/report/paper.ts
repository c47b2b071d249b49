/**
 * The figures of Weitz, Hassan, Schmid and Garbas, "Towards explaining deep learning networks to distinguish facial expressions of
 * pain and emotions" (Forum Bildverarbeitung 2018), to stand beside a study's own.
 */
export const paper = {
  citation:
    'Weitz, Hassan, Schmid, Garbas: Towards explaining deep learning networks to distinguish facial expressions of pain and emotions. Forum Bildverarbeitung 2018',
  /** Table 1: BioVid, pain of levels 3 and 4, and posed emotions. */
  data: {
    pain: { images: 24012, subjects: 87 },
    disgust: { images: 24075, subjects: 75 },
    happiness: { images: 24075, subjects: 75 }
  } as Readonly<Record<string, { images: number; subjects: number }>>,
  /** Table 2: the best of five folds. */
  accuracy: 0.67,
  classes: {
    pain: { precision: 0.62, recall: 0.69, f1: 0.66, images: 4692 },
    disgust: { precision: 0.7, recall: 0.73, f1: 0.71, images: 4815 },
    happiness: { precision: 0.67, recall: 0.57, f1: 0.62, images: 4815 }
  } as Readonly<Record<string, { precision: number; recall: number; f1: number; images: number }>>,
  /** What is known of figure 1: shares of the label (first) that were called so (second). */
  confusion: {
    pain: { pain: 0.69 },
    disgust: { disgust: 0.73 },
    happiness: { happiness: 0.57, pain: 0.28 }
  } as Readonly<Record<string, Readonly<Record<string, number>>>>
}
