/**
 * What the native code of a build may do while it is tried. An archive is refused only after its code has run, so that code
 * gets as little as an inference needs: the rights of painlens's own user and no capability, also where root installs it;
 * no way to become more (no_new_privs of prctl(2)); no network; none of the caller's environment that is not named here.
 */
import { readFileSync } from 'node:fs'

export interface Account {
  name: string
  uid: number
  gid: number
  /** Groups that may open a GPU's device files, of those that exist. */
  deviceGroups: readonly number[]
}

/** In this order: the service's user, which install.sh makes; on a machine without it the one that owns nothing. */
const users = ['painlens', 'nobody']
const deviceGroups = ['video', 'render']

/**
 * @param passwd the text of /etc/passwd (passwd(5))
 * @param group  the text of /etc/group (group(5))
 * @returns null if neither user exists
 */
export function accountIn(passwd: string, group: string): Account | null {
  const rows = (text: string): string[][] => text.split('\n').map((line) => line.split(':'))
  const [row] = users.flatMap((user) => rows(passwd).filter(([name]) => name === user))
  const [uid, gid] = [Number(row?.[2] || Number.NaN), Number(row?.[3] || Number.NaN)]
  if (!row || !(uid > 0) || !(gid > 0)) return null
  const devices = rows(group).filter(([name, , id]) => deviceGroups.includes(name!) && Number(id) > 0)
  return { name: row[0]!, uid, gid, deviceGroups: devices.map(([, , id]) => Number(id)) }
}

/**
 * The account for this process's proofs.
 * @returns null where this process is not root: its proofs have its own rights, and it cannot give any away
 */
export function accountHere(): Account | null {
  if (process.geteuid?.() !== 0) return null
  const [passwd, group] = ['/etc/passwd', '/etc/group'].map((file) => readFileSync(file, 'utf8'))
  return accountIn(passwd!, group!) ?? { name: 'nobody', uid: 65534, gid: 65534, deviceGroups: [] }
}

/**
 * A command as an account may run it, by util-linux's setpriv(1) and unshare(1), which each Debian and Ubuntu has.
 * @param network false for a network namespace of its own, without a way out; the kernel or a container may forbid it
 */
export function confined(command: readonly string[], { uid, gid, deviceGroups }: Account, network: boolean): string[] {
  const rights = [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    deviceGroups.length > 0 ? `--groups=${deviceGroups.join(',')}` : '--clear-groups',
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--bounding-set=-all',
    '--no-new-privs',
    // It ends with the command that tries it.
    '--pdeathsig=KILL'
  ]
  return [...(network ? [] : ['unshare', '--net', '--']), ...rights, '--', ...command]
}

const passedOn = /^(PATH|LANG|LC_[A-Z]+|LD_LIBRARY_PATH|CUDA_\w+|NVIDIA_\w+|NODE_ENV)$/

/** Of an environment what an inference may need: no passwords, and no folder of root's. */
export function confinedEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(env).filter(([name]) => passedOn.test(name))), HOME: '/' }
}
