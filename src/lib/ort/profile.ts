/** A node of a graph and the provider that it ran on, as ONNX Runtime's own profile has it. */
export interface PlacedNode {
  name: string
  /** ONNX's type, or the runtime's own where it has fused several: `Conv`, `FusedConv`, `MemcpyToHost`. */
  operator: string
  /** `CPUExecutionProvider`, `CUDAExecutionProvider`, … */
  provider: string
}

interface ProfileEvent {
  cat: string
  name: string
  args?: { provider?: string; op_name?: string }
}

const suffix = '_kernel_time'

/**
 * The nodes in a profile, each once however often it ran.
 * @param profile the text of the file that a session's `endProfiling` leaves
 */
export function placedNodes(profile: string): PlacedNode[] {
  const nodes = new Map<string, PlacedNode>()
  for (const { cat, name, args } of JSON.parse(profile) as ProfileEvent[]) {
    if (cat !== 'Node' || !name.endsWith(suffix) || !args?.provider) continue
    const own = name.slice(0, -suffix.length)
    nodes.set(own, { name: own, operator: args.op_name ?? '', provider: args.provider })
  }
  return [...nodes.values()]
}

/** Whether it only takes a tensor to the provider's memory or back: there where the nodes around it run elsewhere. */
export function isCopy({ operator }: PlacedNode): boolean {
  return operator === 'MemcpyToHost' || operator === 'MemcpyFromHost'
}
