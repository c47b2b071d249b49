import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type InputError, PainlensError } from '../../../src/core/errors.js'
import { loadManifest } from '../../../src/lib/model/load-manifest.js'
import { sha256Of } from '../../../src/lib/model/manifest.js'
import { readReferences } from '../../../src/stages/reference/index.js'
import { tarEntry } from '../../provider/rig.js'
import { patience } from '../../support/slowness.js'
import { backup, leftovers, makeBox, pack, restore, stateOf, temporaryFolder } from './rig.js'

async function twoBoxes() {
  const folder = await temporaryFolder()
  const saved = await makeBox(join(folder, 'saved'), 'saved')
  const other = await makeBox(join(folder, 'other'), 'other')
  const file = join(folder, 'saved.tar.gz')
  await backup(file, saved)
  return { folder, saved, other, file, old: await stateOf(other) }
}

/** The files of a backup without secrets, with the model's hash that fits. */
async function filesFor(config: string) {
  const { sha256 } = await loadManifest(join(dirname(config), 'models/tiny.yaml'))
  const text = readFileSync(config, 'utf8')
  return { files: { 'config.yaml': text, 'outbox.jsonl': '' }, model: { name: 'tiny', sha256, file: 'tiny.onnx' } }
}

describe('a backup', () => {
  it('restored on another box gives it config, passwords, alarm log and outbox in order, with its notes', async () => {
    const { saved, other, file } = await twoBoxes()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await restore(file, other)).toBe(0)
    expect(await stateOf(other)).toEqual(await stateOf(saved))
    expect(leftovers(other)).toEqual([])
    expect(statSync(other).mode & 0o777).toBe(0o640)
    expect(statSync(join(dirname(other), 'secrets/camera')).mode & 0o777).toBe(0o600)
  })

  it('restored on an empty box brings the model too, and its files are for their owner alone', async () => {
    const { folder, saved, file } = await twoBoxes()
    const config = join(folder, 'empty.yaml')
    await restore(file, config)
    expect((await loadManifest(join(folder, 'models/tiny.yaml'))).name).toBe('tiny')
    expect(await stateOf(config)).toEqual(await stateOf(saved))
    for (const [path, mode] of [
      ['secrets/camera', 0o600],
      ['data/outbox', 0o700],
      ['data/alarms', 0o700]
    ] as const)
      expect(statSync(join(folder, path)).mode & 0o777, path).toBe(mode)
  })

  it.each([
    ['another box', 'saved', 0],
    ['the same box', 'other', 1]
  ])('of %s leaves no resting face that is of other beds, and says so', async (_, of, left) => {
    const { folder, other } = await twoBoxes()
    const path = join(folder, 'other/data/reference.json')
    const face = { camera: 'bed', zone: null, model: 'a'.repeat(64), resting: { pain: [0.5, 0.1] }, frames: 100 }
    const times = { at: '2026-01-31T06:00:00Z', noted: '2026-01-31T06:00:00Z', ran_ms: 0, away_ms: 0 }
    const kept = { ...face, ...times, place: { x: 0, y: 0, width: 1, height: 1 }, by: 'n', suspended: null }
    writeFileSync(path, JSON.stringify({ version: 1, references: [kept] }), { mode: 0o600 })
    const file = join(folder, 'again.tar.gz')
    await backup(file, join(folder, of, 'painlens.yaml'))
    const told: string[] = []
    await restore(file, other, (text) => void told.push(text))
    expect(told.join('').includes('reference.json: emptied')).toBe(left === 0)
    expect(await readReferences(path)).toHaveLength(left)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(leftovers(other)).toEqual([])
  })

  it('of a model with an int8 file brings that, too', async () => {
    const folder = await temporaryFolder()
    const saved = await makeBox(join(folder, 'saved'), 'saved')
    const models = join(folder, 'saved/models')
    writeFileSync(join(models, 'quick.onnx'), 'in 8 bits')
    const manifest = readFileSync(join(models, 'tiny.yaml'), 'utf8')
    const sha256 = await sha256Of(join(models, 'quick.onnx'))
    writeFileSync(join(models, 'tiny.yaml'), `${manifest}int8: { file: quick.onnx, sha256: ${sha256} }\n`)
    const file = join(folder, 'saved.tar.gz')
    await backup(file, saved)
    await restore(file, join(folder, 'empty.yaml'))
    const { int8 } = await loadManifest(join(folder, 'models/tiny.yaml'))
    expect(int8).toEqual({ file: join(folder, 'models/quick.onnx'), sha256 })
    expect(readFileSync(int8!.file, 'utf8')).toBe('in 8 bits')
  })

  it('without --secrets has no password, and is refused for a config with one in its text', async () => {
    const { folder, saved, other, file: full } = await twoBoxes()
    const file = join(folder, 'open.tar.gz')
    await backup(file, saved, {})
    expect(gunzipSync(readFileSync(file)).includes('pw-of-saved')).toBe(false)
    expect(gunzipSync(readFileSync(full)).includes('pw-of-saved')).toBe(true)
    await restore(file, other)
    expect(await stateOf(other)).toEqual({ ...(await stateOf(saved)), password: 'pw-of-other\n' })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the config's own placeholder
    writeFileSync(saved, readFileSync(saved, 'utf8').replace('${file:secrets/camera}', 'plain-password'))
    await expect(backup(join(folder, 'x'), saved, {})).rejects.toMatchObject({ code: 'PL-BACKUP-SECRETS' })
    writeFileSync(other, `${readFileSync(other, 'utf8')}page: { enabled: true, tokens: { ward: 0123456789abcdef } }\n`)
    await expect(backup(join(folder, 'x'), other, {})).rejects.toMatchObject({ code: 'PL-BACKUP-SECRETS' })
  })

  it('replaces no file without --force', async () => {
    const { saved, file } = await twoBoxes()
    await expect(backup(file, saved, {})).rejects.toMatchObject({ code: 'PL-BACKUP-EXISTS' })
  })
})

it('a restore removes what a killed one has unpacked, and leaves what another one at work has', async () => {
  const { other, file } = await twoBoxes()
  const dead = spawnSync('true').pid
  const [atWork, killed] = [process.ppid, dead].map((pid) => join(dirname(other), `.painlens-restoring-${pid}-abc`))
  for (const folder of [atWork!, killed!]) mkdirSync(folder)
  expect(await restore(file, other)).toBe(0)
  expect(leftovers(other)).toEqual([basename(atWork!)])
})

it.skipIf(process.getuid?.() !== 0)(
  'a backup made by root behind sudo belongs to the user that called it',
  async () => {
    const { SUDO_UID, SUDO_GID } = process.env
    onTestFinished(() => void Object.assign(process.env, { SUDO_UID: SUDO_UID ?? '', SUDO_GID: SUDO_GID ?? '' }))
    Object.assign(process.env, { SUDO_UID: '65534', SUDO_GID: '65534' })
    const { uid, gid, mode } = statSync((await twoBoxes()).file)
    expect([uid, gid, mode & 0o777]).toEqual([65534, 65534, 0o600])
  }
)

describe('a bad backup', () => {
  it(
    'with cut or changed bytes is refused and leaves what was there, or is restored whole',
    async () => {
      const { folder, saved, other, file, old } = await twoBoxes()
      const oldFile = join(folder, 'old.tar.gz')
      await backup(oldFile, other)
      const zipped = readFileSync(file)
      const plain = gunzipSync(zipped)
      const wanted = await stateOf(saved)
      const bad = join(folder, 'bad.tar.gz')
      const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
      const kind = fc.constantFrom('cut', 'cut within gzip', 'changed', 'changed within gzip')
      let refused = 0
      const property = fc.asyncProperty(place, kind, fc.integer({ min: 1, max: 255 }), async (at, how, by) => {
        const bytes = Buffer.from(how.endsWith('gzip') ? plain : zipped)
        const index = Math.floor(at * bytes.length)
        if (how.startsWith('changed')) bytes[index] = bytes[index]! ^ by
        const kept = how.startsWith('cut') ? bytes.subarray(0, index) : bytes
        writeFileSync(bad, how.endsWith('gzip') ? gzipSync(kept, { level: 1 }) : kept)
        const outcome = await restore(bad, other).catch((error: unknown) => error)
        if (outcome === 0) {
          expect(await stateOf(other)).toEqual(wanted)
          await restore(oldFile, other)
        } else {
          refused++
          expect(outcome).toBeInstanceOf(PainlensError)
          expect(await stateOf(other)).toEqual(old)
        }
        expect(leftovers(other)).toEqual([])
      })
      await fc.assert(property, { numRuns: 80 })
      expect(refused).toBeGreaterThan(40)
    },
    patience(60_000)
  )

  const entry = (name: string, type: string, link = ''): Buffer => tarEntry(name, Buffer.alloc(0), type, link)
  const zeros = '0'.repeat(64)
  const huge = { name: 'config.yaml', size: 2 ** 31, sha256: zeros }
  const outbox = { name: 'outbox.jsonl', size: 0, sha256: zeros }
  const boxWith = (camera: string, alarms = 'alarms'): string =>
    `device: other\nmqtt: { url: "mqtt://127.0.0.1:1" }\ncameras: [{ id: bed, url: "rtsp://u:${camera}@127.0.0.1:1/bed" }]\n` +
    `model: { manifest: models/tiny.yaml }\noutbox: { path: data/outbox }\nalarm_log: { path: data/${alarms} }\n`
  const nested = boxWith('', 'outbox/alarms')
  const secretAt = (place: string) => {
    const placeholder = `\${file:${place}}`
    return {
      files: { 'config.yaml': boxWith(placeholder), 'secret-0': 'x' },
      changes: { secrets: [placeholder] }
    }
  }
  it.each<[string, string, { changes?: object; files?: Record<string, string>; extra?: Buffer[] }]>([
    ['a symbolic link', 'PL-RESTORE-DAMAGED', { extra: [entry('alarms.jsonl', '2', '/etc/shadow')] }],
    ['a hard link', 'PL-RESTORE-DAMAGED', { extra: [entry('alarms.jsonl', '1', '/etc/shadow')] }],
    ['a device', 'PL-RESTORE-DAMAGED', { extra: [entry('alarms.jsonl', '3')] }],
    ['a folder', 'PL-RESTORE-DAMAGED', { extra: [entry('alarms', '5')] }],
    ['a name that leads out of its folder', 'PL-RESTORE-DAMAGED', { extra: [entry('../painlens.yaml', '0')] }],
    ['an absolute name', 'PL-RESTORE-DAMAGED', { extra: [entry('/etc/cron.d/x', '0')] }],
    ['a file that its head does not name', 'PL-RESTORE-DAMAGED', { extra: [entry('alarms.jsonl', '0')] }],
    ['the form of another version', 'PL-RESTORE-FORMAT', { changes: { format: 2 } }],
    ['a file of another kind in its head', 'PL-RESTORE-FORMAT', { files: { 'id_rsa.pub': 'x' } }],
    ['a config of 2 GiB in its head', 'PL-RESTORE-FORMAT', { changes: { files: [huge, outbox] } }],
    ['no outbox', 'PL-RESTORE-FORMAT', { changes: { files: [huge, huge] } }],
    ['another hash than its head says', 'PL-RESTORE-DAMAGED', { changes: { files: [{ ...huge, size: 0 }, outbox] } }],
    ['rubbish for an outbox', 'PL-RESTORE-DAMAGED', { files: { 'outbox.jsonl': 'rubbish\n' } }],
    ['a config that painlens refuses', 'PL-RESTORE-CONFIG', { files: { 'config.yaml': 'device: [\n' } }],
    [
      'a model of another hash than the one that is there',
      'PL-RESTORE-MODEL',
      { changes: { model: { name: 'tiny', sha256: zeros, file: 'tiny.onnx' } } }
    ],
    [
      'a password for a file outside the folder of the config',
      'PL-RESTORE-PLACE',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder
      { files: { 'secret-0': 'x' }, changes: { secrets: ['${file:/etc/cron.d/x}'] } }
    ],
    ["a password in the place of a restore's own journal", 'PL-RESTORE-PLACE', secretAt('.painlens-restore')],
    ['a password within its own outbox', 'PL-RESTORE-PLACE', secretAt('data/outbox/1')],
    ['an alarm log within its own outbox', 'PL-RESTORE-PLACE', { files: { 'config.yaml': nested } }]
  ])('with %s is refused in one sentence, and leaves what was there', async (_, code, { changes, files, extra }) => {
    const { folder, other, old } = await twoBoxes()
    const own = await filesFor(other)
    const bad = pack(join(folder, 'bad'), { ...own.files, ...files }, { model: own.model, ...changes }, extra)
    const error = await restore(bad, other).catch((thrown: unknown) => thrown as InputError)
    expect(error).toMatchObject({ code })
    expect((error as InputError).what).not.toContain('\n')
    expect(await stateOf(other)).toEqual(old)
    expect(leftovers(other)).toEqual([])
  })

  it.each([
    ['nothing', ''],
    ['text', 'this is no archive']
  ])('that is %s is refused', async (_, text) => {
    const { folder, other } = await twoBoxes()
    writeFileSync(join(folder, 'bad'), text)
    await expect(restore(join(folder, 'bad'), other)).rejects.toMatchObject({ code: 'PL-RESTORE-DAMAGED' })
    await expect(restore(join(folder, 'none'), other)).rejects.toMatchObject({ code: 'PL-RESTORE-UNREADABLE' })
    await expect(restore(folder, other)).rejects.toMatchObject({ code: 'PL-RESTORE-UNREADABLE' })
  })
})

describe('a place that a backup would replace', () => {
  it.each(['data/outbox', 'data/alarms', 'data', 'secrets/camera', 'secrets'])(
    'is left alone where %s is a link',
    async (name) => {
      const { folder, other, file } = await twoBoxes()
      const path = join(dirname(other), name)
      rmSync(path, { recursive: true })
      symlinkSync(join(folder, 'elsewhere'), path)
      await expect(restore(file, other)).rejects.toMatchObject({ code: 'PL-RESTORE-PLACE' })
      expect(readFileSync(other, 'utf8')).toContain('device: other')
    }
  )

  it.each(['data/outbox', 'data/alarms'])('is left alone where %s holds files of others', async (name) => {
    const { other, file } = await twoBoxes()
    const foreign = join(dirname(other), name, 'letter.txt')
    writeFileSync(foreign, 'dear')
    await expect(restore(file, other)).rejects.toMatchObject({ code: 'PL-RESTORE-PLACE' })
    expect(readFileSync(foreign, 'utf8')).toBe('dear')
  })
})
