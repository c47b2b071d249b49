/** Which tests may be skipped, where, and why. CI fails on every other skip (support/skip-reporter.ts). */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { getPriority } from 'node:os'
import { chromiumPath } from './support/browser.js'
import { nodeRed } from './support/node-red.js'

export interface ExpectedSkip {
  /** From the root of the repository. */
  file: string
  /** How the test's full name begins; every test of the file if left out. */
  title?: string
  reason: string
  /** Whether it is so here. */
  when: () => boolean
}

const isRoot = process.getuid?.() === 0
const fails = (program: string, ...args: string[]): boolean => spawnSync(program, args).status !== 0
const analyzeVersion = (): number =>
  Number(/^systemd (\d+)/.exec(spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1])

export const expectedSkips: readonly ExpectedSkip[] = [
  ...[
    'test/page/screens.test.ts',
    'test/page/editor.test.ts',
    'test/page/browser.test.ts',
    'test/daemon/page.test.ts',
    'test/daemon/technician-page.test.ts'
  ].map((file) => ({
    file,
    reason: 'Chromium, the browser that the page is looked at with, is not installed (apt-get install chromium)',
    when: () => chromiumPath === null
  })),
  {
    file: 'test/deploy/docker-image.test.ts',
    reason: 'the images are built and run by npm run test:containers',
    when: () => !process.env.PAINLENS_CONTAINERS
  },
  {
    file: 'test/deploy/unit-devices.test.ts',
    title: 'systemd-analyze of this machine',
    reason: 'systemd-analyze before 250 cannot rate a unit that is not installed',
    when: () => analyzeVersion() < 250
  },
  {
    file: 'test/deploy/node-red.test.ts',
    reason: 'Node-RED, 117 MB of packages, is not installed; $NODE_RED names its red.js',
    when: () => nodeRed === null
  },
  ...['test/daemon/full-disk.test.ts', 'test/stages/outbox/full-disk.test.ts'].map((file) => ({
    file,
    reason: 'a file system of a few KB can be mounted by root, or in a user namespace',
    when: () => fails('unshare', '-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt')
  })),
  {
    file: 'test/stages/outbox/outbox.test.ts',
    title: 'the folder of the outbox > a folder without permission',
    reason: 'the kernel refuses root no folder',
    when: () => isRoot
  },
  {
    file: 'test/tools/face-models.test.ts',
    title: 'the face models > a folder without write permission is reported',
    reason: 'the kernel refuses root no folder',
    when: () => isRoot
  },
  ...[
    ['test/daemon/control/socket.test.ts', 'the control socket > another user is refused by the kernel'],
    ['test/commands/snapshot/write.test.ts', 'a picture written by root behind sudo'],
    ['test/commands/backup/archives.test.ts', 'a backup made by root behind sudo']
  ].map(([file, title]) => ({
    file: file!,
    title: title!,
    reason: 'only root can become another user',
    when: () => !isRoot
  })),
  {
    file: 'test/core/devices.test.ts',
    title: 'the kernel itself',
    reason: 'only root can become another user',
    when: () => !isRoot
  },
  {
    file: 'test/core/devices.test.ts',
    title: 'the kernel itself > a program whose device filter lacks the file gets EPERM from the kernel',
    reason: 'the device filter of control groups, version 1, is not mounted',
    when: () => !['devices.deny', 'tasks'].some((name) => existsSync(`/sys/fs/cgroup/devices/${name}`))
  },
  {
    file: 'test/commands/explain/npy.test.ts',
    title: '',
    reason: 'NumPy, which reads the files as users do, is not installed',
    when: () => fails('python3', '-c', 'import numpy')
  },
  {
    file: 'test/lib/statistics/sklearn.test.ts',
    title: 'precision, recall, F1, curves, areas and scores > equal those of the scikit-learn of this machine',
    reason: 'scikit-learn, the second opinion, is not installed; what it said once is recorded',
    when: () => ['/usr/bin/python3', 'python3'].every((python) => fails(python, '-c', 'import sklearn'))
  },
  {
    file: 'test/lib/statistics/maps.test.ts',
    title:
      'eigenvalues of the graph of maps, masses and probabilities of clusters > equal what NumPy and scikit-learn say',
    reason: 'scikit-learn, the second opinion, is not installed; what it said once is recorded',
    when: () => ['/usr/bin/python3', 'python3'].every((python) => fails(python, '-c', 'import sklearn'))
  },
  {
    file: 'test/study/report/report.test.ts',
    title: 'a report in Chromium',
    reason: 'Chromium, in which the pages are looked at, is not installed',
    when: () => chromiumPath === null
  },
  {
    file: 'test/core/thread-priority.test.ts',
    reason: 'only Linux has threads with a priority of their own, and below 19 there is no lower one',
    when: () => process.platform !== 'linux' || getPriority() > 12
  }
]

/** Whether a skipped test is in the table, and what the table says of it is so here. */
export function isExpected(file: string, fullName: string, table = expectedSkips): boolean {
  return table.some((skip) => skip.file === file && fullName.startsWith(skip.title ?? '') && skip.when())
}
