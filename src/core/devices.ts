import { accessSync, constants, lstatSync } from 'node:fs'
import { type ErrorCode, fixOf } from './error-codes/index.js'

/** Device files that must open for a part to work, on a Jetson or on a machine with a GPU of NVIDIA's; those that do not exist are ignored. */
const deviceFiles = {
  gpu: [
    ...['/dev/nvmap', '/dev/nvhost-ctrl-gpu', '/dev/nvhost-gpu', '/dev/nvgpu/igpu0/ctrl'],
    ...['/dev/nvidiactl', '/dev/nvidia0', '/dev/nvidia-uvm']
  ],
  decoder: ['/dev/nvmap', '/dev/nvhost-nvdec', '/dev/v4l2-nvdec']
} as const
export type DevicePart = keyof typeof deviceFiles

/** What refuses access: the sandbox of the process (EPERM), or the file's owner, group and mode (EACCES). */
export type RefusalCode = 'EPERM' | 'EACCES'

/** What each means for a device file. */
export const refusals: Record<RefusalCode, { code: ErrorCode; what: string }> = {
  EPERM: {
    code: 'PL-DEVICE-SANDBOX',
    what: 'the sandbox of the service or the container refuses it (Operation not permitted)'
  },
  EACCES: {
    code: 'PL-DEVICE-GROUP',
    what: "this user is not in the file's group (Permission denied)"
  }
}

export interface DeviceRefusal {
  path: string
  code: ErrorCode
  /** Without a full stop. */
  what: string
  fix: string
}

export interface DeviceWorld {
  files: readonly string[]
  /** Throws as `fs.accessSync` does. */
  access(path: string): void
}

/**
 * The first of a part's device files that is there and may not be opened. Nothing is opened: the kernel answers access(2)
 * by the same rules, the sandbox's device filter included.
 */
export function refusedDevice(part: DevicePart, world: DeviceWorld = worldOf(part)): DeviceRefusal | undefined {
  for (const path of world.files)
    try {
      world.access(path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EPERM' && code !== 'EACCES') continue
      const refusal = refusals[code]
      return { path, code: refusal.code, what: `${path} cannot be opened: ${refusal.what}`, fix: fixOf(refusal.code) }
    }
  return undefined
}

const worldOf = (part: DevicePart): DeviceWorld => ({
  files: deviceFiles[part],
  access: (path) => accessSync(path, constants.R_OK | constants.W_OK)
})

/** Whether the machine has the hardware, whether or not this process may use it. */
export const hasDevice = (part: DevicePart): boolean =>
  deviceFiles[part].some((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
