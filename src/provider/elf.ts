/** e_machine of the ELF header, by Node.js's names of architectures. */
const machines: Record<number, string> = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64', 243: 'riscv64' }

/**
 * The architecture that an ELF file is for (System V ABI, chapter 4: magic at 0, class at 4, byte order at 5, e_machine
 * at 18).
 * @param start the file's first 20 bytes or more
 * @returns `x64`, `arm64`, …; null for other files and for architectures without Node.js
 */
export function elfMachine(start: Uint8Array): string | null {
  const magic = [0x7f, 0x45, 0x4c, 0x46]
  if (start.length < 20 || magic.some((byte, i) => start[i] !== byte)) return null
  const littleEndian = start[5] === 1
  const [low, high] = littleEndian ? [start[18]!, start[19]!] : [start[19]!, start[18]!]
  return machines[low + 256 * high] ?? null
}
