/** Linear readings of the landmark net's feature: 256 weights and a bias each. */

const upright = probe(
  'U34mwOsHYb/tSq+8+fuFv8ObgcASw9K/4bDfwNqScMDW45BAZi5xvxirysCEgxHAgD4DwMeiC8B4y7tA05ZOQIW8xr+gw6q/0hm+vvOViL9JFru/VJxnvxNnwcDQvpS/6hIdvwAAAABgpTi/w3Sjv3AFYsAVHRvAGaM6wB9nH8Elx6rAa9kmQeocdcAVzJC/2kBRvw2oYMBbYHdATVLTv0ReIb/nj23Azs8uv43SR7+O9j3AjJvtvwgbgMBF7onAobOiwNJsEsCUmoPA0fwDwXCJlb/eihTANbNRwB5nqL9mvK1ApJCxwJJNz79UM0nAZe5OwAEyk7/nmY/AAAAAAJ5ujrxDhD/AfX24wGolrsCh9FjA43oUwXh3Ub9MH1a+fu/CwEx4DsHRVlHAvgghQB7oiMDQB8i/tvydv9fNz7+PfyrAjQN1wG28ML8NHuvAboHLwPv57r/ksCbAMk3OwOIa1r8LEHvAXtFzwKdIYT43Gr68ym6BwEmMiEDJ4ELAzw1hwFIqHb7b5ZS9SIuHPztKPsEMmLTAI8oRwATr3cCWPS3ASQY/wAdV6L6j65rAdkIuvzsAY7/WPjrADBqtv1kOHsHCRwzA8SIjv8kkCb0Orpm/wlt8wDqoh8ADQpC/wKRHwHcxib7OUPG/XzA7wLeoAEG0i83A4BxjwKAySb9VDQbAkf2owL1SrMBU/c7ANED5vbrzOcA/V+bAMt8Fv4iFxb66dwDBqUklwEi2HcF9T2fAbjxvwAyoS8Dei8C/w7YmwMSO9r9tv57AvEMaQQAAAAAAAAAAYWW+v8asrcBn/7q/LSm3v9QYP8D16orAihZjwJy1oL9TIhNBCCvFP0HW0sBREZs+ivHYwIiopcDv8IxAiVoTwL+MzcB6Cme/QLLnv9humr/7lR7A2kBdvl6/DsAJLLRAqxJlwEFN1L7DRi3AKvi+wAAAAAB1uBe/DKYCwLHTLMChgvRAe4y0vy26RcDzpSrAFoDNvtVLwT8TvKbAT4FhQYD/+T5UQPnAzq9XwPQ068DACVHAxDc3wAIGz7/Ztjs/tWTQv8mJib9vJkXA9VKOwK3hQj+3BR+/+FeSwA5mBUBmhQ/B4ILzv/2gg794iWa/qB2mv+4TY8C+tcC+tJFowFK+I8D784LA9A7gv4PClsBZNCbBOqFUQBppV0BN5u2/GwQEwEKZS8COXkvAm+8jv+k4KMChpRzAC0WGv/fX7cDjxVXABM/Hv3k/OsBKI5HAfWkbwE89J8BsDgjBMxMbwHS1E0D6c2rAlPufwH27rT8XbsM/C7WhwNUjpb8AAAAAr96rwB3sX8DjI6G/azQpPA5cyr9DgbC/7pcdwC6qmb+aKgxA54xnv95lFkA='
)

/** How surely a face stands upright in the picture that the feature was made of, and is no face turned otherwise: a logit. */
export const uprightness = (feature: Float32Array): number => read(upright, feature)

function read(weights: Float32Array, feature: Float32Array): number {
  let sum = weights[feature.length]!
  for (let i = 0; i < feature.length; i++) sum += weights[i]! * feature[i]!
  return sum
}

function probe(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64')
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
}
