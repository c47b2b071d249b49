import { accessSync, constants, lstatSync } from 'node:fs'

/** Device files that must open for a part to work, on a Jetson or beside a GPU of NVIDIA's; those that are there count. */
export const deviceFiles = {
  gpu: [
    ...['/dev/nvmap', '/dev/nvhost-ctrl-gpu', '/dev/nvhost-gpu', '/dev/nvgpu/igpu0/ctrl'],
    ...['/dev/nvidiactl', '/dev/nvidia0', '/dev/nvidia-uvm']
  ],
  decoder: ['/dev/nvmap', '/dev/nvhost-nvdec', '/dev/v4l2-nvdec']
} as const
export type DevicePart = keyof typeof deviceFiles

/** Who turns a program away: the sandbox it runs in (EPERM), or the file's owner, group and mode (EACCES). */
export type RefusalCode = 'EPERM' | 'EACCES'

/** What each code means for a device file, and what to do about it. */
export const refusals: Record<RefusalCode, { what: string; fix: string }> = {
  EPERM: {
    what: 'the sandbox of the service or the container refuses it (Operation not permitted)',
    fix: 'Look for DeviceAllow, DevicePolicy, PrivateDevices and, before systemd 252, ProtectClock in systemctl cat painlens, and take them out; let a container have the device (docs/containers.md).'
  },
  EACCES: {
    what: "this user is not in the file's group (Permission denied)",
    fix: 'Let the user that painlens runs as into the group that ls -l shows for the device file (sudo usermod -aG video,render painlens), and restart painlens.'
  }
}

export interface DeviceRefusal {
  path: string
  code: RefusalCode
  /** Without a full stop. */
  what: string
  /** A whole sentence. */
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
      const { what, fix } = refusals[code]
      return { path, code, what: `${path} cannot be opened: ${what}`, fix }
    }
  return undefined
}

const worldOf = (part: DevicePart): DeviceWorld => ({
  files: deviceFiles[part],
  access: (path) => accessSync(path, constants.R_OK | constants.W_OK)
})

/** Whether the machine has the hardware, whoever may use it. */
export const hasDevice = (part: DevicePart): boolean =>
  deviceFiles[part].some((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
