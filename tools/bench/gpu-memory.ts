/** How much of a GPU's memory this process holds, as the machine itself reports. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

export interface GpuMemory {
  /** What the numbers are, for a person. */
  readonly how: string
  /** The GPU's name and driver, where they are known. */
  readonly device: string | null
  /** Bytes; null where it cannot be determined. */
  used(): Promise<number | null>
}

export interface MemorySources {
  /** Runs nvidia-smi with these arguments; null where there is none. */
  smi(args: readonly string[]): Promise<string | null>
  /** The text of /proc/meminfo. */
  meminfo(): Promise<string>
  /** Whether the GPU shares the host's memory, as a Jetson's does. */
  unified: boolean
  pid: number
}

const MiB = 1024 ** 2
const csv = '--format=csv,noheader,nounits'

/** Finds out once where a number is available; without the process's own, it is the growth since then. */
export async function gpuMemory(sources: MemorySources = machine()): Promise<GpuMemory> {
  const { smi, meminfo, unified } = sources
  if (unified) {
    const before = availableBytes(await meminfo())
    const used = async (): Promise<number> => Math.max(0, before - availableBytes(await meminfo()))
    return {
      how: "what became less of the memory that CPU and GPU share, everyone's use of it",
      device: 'Jetson',
      used
    }
  }
  const device = firstLine(await smi(['--query-gpu=name,driver_version', csv]))
  if (device === null) return { how: 'n/a: there is no nvidia-smi and no Jetson', device: null, used: async () => null }
  const whole = async (): Promise<number | null> => megabytes(firstLine(await smi(['--query-gpu=memory.used', csv])))
  const before = (await whole()) ?? 0
  const used = async (): Promise<number | null> => {
    const own = ofProcess(await smi(['--query-compute-apps=pid,used_memory', csv]), sources.pid)
    if (own !== null) return own
    const now = await whole()
    return now === null ? null : Math.max(0, now - before)
  }
  return {
    how: 'of this process by nvidia-smi, or where it cannot tell processes apart, what the GPU holds more',
    device,
    used
  }
}

/** The bytes in nvidia-smi's list of `pid, MiB`; null without a number for that process (in a container it has another). */
export function ofProcess(list: string | null, pid: number): number | null {
  const rows = (list ?? '').split('\n').map((line) => line.split(',').map((cell) => cell.trim()))
  return megabytes(rows.find(([own]) => own === String(pid))?.[1] ?? null)
}

function megabytes(cell: string | null): number | null {
  return cell !== null && /^\d+$/.test(cell.trim()) ? Number(cell) * MiB : null
}

/** MemAvailable of /proc/meminfo (proc(5)), in bytes. */
function availableBytes(meminfo: string): number {
  return Number(/MemAvailable:\s+(\d+) kB/.exec(meminfo)?.[1] ?? 0) * 1024
}

function firstLine(text: string | null): string | null {
  return text?.split('\n')[0]?.trim() || null
}

function machine(): MemorySources {
  return {
    smi: (args) =>
      new Promise((resolve) => {
        execFile('nvidia-smi', args, { timeout: 10_000 }, (error, stdout) => resolve(error ? null : stdout))
      }),
    meminfo: () => readFile('/proc/meminfo', 'utf8'),
    unified: existsSync('/etc/nv_tegra_release'),
    pid: process.pid
  }
}
