import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Account, accountIn, confined, confinedEnvironment } from '../../src/provider/confinement.js'
import { providerPlace } from '../../src/provider/place.js'
import { type ProofOptions, runProof } from '../../src/provider/prove.js'
import { root } from './rig.js'

const painlens: Account = { name: 'painlens', uid: 998, gid: 997, deviceGroups: [44, 104] }
const passwd = 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n'
const groups = 'root:x:0:\nvideo:x:44:painlens\nrender:x:104:\naudio:x:29:\n'

describe('the account that an unproved build runs as', () => {
  it('is painlens with the groups of the GPU, and the unprivileged account 65534 on a machine without that user', () => {
    expect(accountIn(`${passwd}painlens:x:998:997::/var/lib/painlens:/usr/sbin/nologin\n`, groups)).toEqual(painlens)
    expect(accountIn(passwd, 'root:x:0:\n')).toEqual({ name: 'nobody', uid: 65534, gid: 65534, deviceGroups: [] })
    expect(accountIn('root:x:0:0:::\n', groups)).toBeNull()
  })

  it('is never root, whatever the files say', () => {
    for (const row of [
      'painlens:x:0:0:::',
      'painlens:x:998:0:::',
      'painlens:x::997:::',
      'painlens',
      'painlens:x:-1:5:::'
    ])
      expect([row, accountIn(row, groups)]).toEqual([row, null])
    expect(accountIn('painlens:x:998:997:::', 'video:x:0:\nrender:x::\nvideo')!.deviceGroups).toEqual([])
  })
})

describe('the command that tries an unproved build', () => {
  const rights = ['--reuid=998', '--regid=997', '--groups=44,104', '--inh-caps=-all', '--ambient-caps=-all']
  const rest = ['--bounding-set=-all', '--no-new-privs', '--pdeathsig=KILL', '--', 'node', 'proof.js']

  it('has the rights of that account, no capability and no network', () => {
    expect(confined(['node', 'proof.js'], painlens, false)).toEqual([
      'unshare',
      '--net',
      '--',
      'setpriv',
      ...rights,
      ...rest
    ])
    expect(confined(['node', 'proof.js'], painlens, true)).toEqual(['setpriv', ...rights, ...rest])
    expect(confined(['x'], { ...painlens, deviceGroups: [] }, true)).toContain('--clear-groups')
  })

  it('gets no password and no folder of its caller', () => {
    const kept = { PATH: '/bin', LD_LIBRARY_PATH: '/cuda', CUDA_VISIBLE_DEVICES: '0', LC_ALL: 'C' }
    const dropped = {
      PAINLENS_MQTT_PASSWORD: 'x',
      CREDENTIALS_DIRECTORY: '/run/c',
      HOME: '/root',
      LD_PRELOAD: 'x',
      NODE_OPTIONS: '-r x'
    }
    expect(confinedEnvironment({ ...kept, ...dropped })).toEqual({ ...kept, HOME: '/' })
  })
})

describe.runIf(process.geteuid!() === 0)('a proof started by root', () => {
  const nobody: Account = { name: 'nobody', uid: 65534, gid: 65534, deviceGroups: [] }
  const model = join(root, 'models/pain-demo.yaml')
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'painlens-confined-'))
    chmodSync(folder, 0o755)
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  afterEach(() => vi.unstubAllEnvs())

  /** An unshare that makes no namespace: it notes its arguments and who it became, then does what `code` says. */
  function playUnshare(code: string): string {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    const log = join(folder, 'unshare.log')
    rmSync(log, { force: true })
    writeFileSync(join(bin, 'unshare'), `#!/bin/sh\necho "$*" >>${log}\n${code}\n`, { mode: 0o755 })
    vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`)
    return log
  }

  const prove = (options: Partial<ProofOptions>, given = model) =>
    runProof(
      { folder: providerPlace().current, redirect: false, model: given, providers: ['cpu'] },
      { blame: { where: 'a.tar.gz', fix: 'Build it again.' }, account: nobody, ...options }
    )

  it('runs the classifier as another user, without its network where that can be taken away', async () => {
    const status = join(folder, 'status')
    // What the process may do, as the kernel says it, read when it has become that user.
    const log = playUnshare(`shift 2; setpriv=$1; shift; while [ "$1" != -- ]; do args="$args $1"; shift; done; shift
$setpriv $args -- cat /proc/self/status >${status}; exec $setpriv $args -- "$@"`)
    const [run] = await prove({})
    expect(run!.nodes.CPUExecutionProvider).toBeGreaterThan(0)
    expect(readFileSync(log, 'utf8')).toMatch(/^--net -- setpriv --reuid=65534 /)
    const said = readFileSync(status, 'utf8')
    expect(said).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m)
    expect(said).toMatch(/^Gid:\t65534\t65534\t65534\t65534$/m)
    expect(said).toMatch(/^Groups:\t ?$/m)
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb']) expect(said).toMatch(new RegExp(`^Cap${set}:\\t0{16}$`, 'm'))
    expect(said).toMatch(/^NoNewPrivs:\t1$/m)
  })

  it('says where the network cannot be taken away, and runs with it', async () => {
    const log = playUnshare('echo "unshare: unshare failed: Operation not permitted" >&2; exit 1')
    const said: string[] = []
    const [run] = await prove({ say: (line) => said.push(line) })
    expect(run!.outputs.length).toBeGreaterThan(0)
    expect(existsSync(log)).toBe(true)
    expect(said).toEqual([expect.stringMatching(/^its network could not be taken away \(unshare: .*not permitted\)/)])
  })

  it('is refused with what to do if that user may not read the classifier, or there is no setpriv', async () => {
    playUnshare('shift 2; exec "$@"')
    const own = join(folder, 'private')
    mkdirSync(own, { mode: 0o700 })
    writeFileSync(join(own, 'model.yaml'), 'x')
    await expect(prove({}, join(own, 'model.yaml'))).rejects.toThrow(
      /the user nobody, as whom an archive's code is tried, cannot run it \(.*EACCES.*\)\. Install painlens/
    )
    playUnshare('shift 2; exec "no-such-$@"')
    await expect(prove({})).rejects.toMatchObject({ code: 'PL-INSTALL-CONFINED' })
  })
})
