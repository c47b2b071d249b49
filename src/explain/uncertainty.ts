/**
 * How undecided the classifier was: the entropy of its probabilities over the largest that as many classes can have,
 * 0 (certain) to 100 (all classes alike). It knows nothing of faces unlike any that the model was trained on.
 */
export function uncertaintyOf(probabilities: ArrayLike<number>): { score: number } {
  const classes = probabilities.length
  if (classes < 2) return { score: 0 }
  const entropy = Array.from(probabilities).reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)
  return { score: Math.min(100, Math.max(0, Math.round((1000 * entropy) / Math.log(classes)) / 10)) }
}
