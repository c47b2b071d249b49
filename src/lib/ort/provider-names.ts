/** The execution providers of ONNX Runtime that painlens supports: the only list of them. */
export const providerNames = ['cuda', 'tensorrt', 'cpu'] as const
export type ProviderName = (typeof providerNames)[number]
/** One of them, or `auto`: the first of `automaticProviders` that works. */
export type ProviderChoice = 'auto' | ProviderName

/** What `auto` tries, best first. TensorRT is not among them: it builds engines for minutes, which must be asked for. */
export const automaticProviders: readonly ProviderName[] = ['cuda', 'cpu']

/** Their names in ONNX Runtime's profiles. */
export const profileNames: Record<ProviderName, string> = {
  cpu: 'CPUExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  tensorrt: 'TensorrtExecutionProvider'
}
