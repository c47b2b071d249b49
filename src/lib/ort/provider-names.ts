/** The execution providers of ONNX Runtime that painlens takes: the only list of them. */
export const providerNames = ['cuda', 'tensorrt', 'cpu'] as const
export type ProviderName = (typeof providerNames)[number]
/** One of them, or what `automaticProviders` find. */
export type ProviderChoice = 'auto' | ProviderName

/** What `auto` tries, best first. TensorRT is not among them: it builds engines for minutes, which must be asked for. */
export const automaticProviders: readonly ProviderName[] = ['cuda', 'cpu']

/** What ONNX Runtime calls them, in its profiles. */
export const profileNames: Record<ProviderName, string> = {
  cpu: 'CPUExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  tensorrt: 'TensorrtExecutionProvider'
}
