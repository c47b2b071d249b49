declare module 'systemd-notify' {
  import type { ChildProcess } from 'node:child_process'

  /**
   * Runs `systemd-notify --ready --status=… --pid=…` in the process's environment; rejects with an Error where the
   * program is missing, and with its output as text where it fails.
   */
  function notify(options: { ready?: true; status?: string; pid?: number }): Promise<ChildProcess>
  export = notify
}
