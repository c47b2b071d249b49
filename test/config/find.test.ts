import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configToWrite, findConfig, isConfigOf, openConfig, readService } from '../../src/config/index.js'
import { codeOf } from '../../src/core/errors.js'

let folder: string
const before = process.cwd()
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'painlens-find-')))
  process.chdir(folder)
})
afterEach(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true, force: true })
})

const text = (password: string): string => `device: d
mqtt: { url: "mqtt://h", username: u, password: "${password}" }
cameras: [{ id: a, url: "rtsp://h/1" }]
`

/** A folder with painlens.service and a drop-in, as install.sh leaves them. */
function writeUnits(config: string, secret: string): string {
  const units = join(folder, 'units')
  mkdirSync(join(units, 'painlens.service.d'), { recursive: true })
  const unit = [
    '[Unit]',
    'StateDirectory=wrong-section',
    '[Service]',
    '#LoadCredential=commented:/out',
    `ExecStart=/usr/bin/node main.js run \\`,
    `  --config ${config}`,
    'StateDirectory=painlens',
    'RuntimeDirectory=painlens',
    'LoadCredential=taken-back:/x'
  ]
  writeFileSync(join(units, 'painlens.service'), unit.join('\n'))
  const dropIn = `[Service]\nLoadCredential=\nLoadCredential=mqtt-password:${secret}\n`
  writeFileSync(join(units, 'painlens.service.d/credentials.conf'), dropIn)
  return units
}

describe('the order in which the config is looked for', () => {
  it('--config, $PAINLENS_CONFIG, the working folder, in this order', () => {
    writeFileSync('painlens.yaml', '')
    const env = { PAINLENS_CONFIG: '/named/by/environment.yaml' }
    expect(findConfig('/given.yaml', env)).toMatchObject({ file: '/given.yaml', by: 'named by --config' })
    expect(findConfig(undefined, env)).toMatchObject({ file: '/named/by/environment.yaml', named: true })
    const here = { file: join(folder, 'painlens.yaml'), by: 'found in the working folder', named: false }
    expect(findConfig(undefined, { PAINLENS_CONFIG: '' })).toEqual(here)
  })

  it('an error names the places where there is none', () => {
    expect(() => findConfig(undefined, {})).toThrow(/painlens\.yaml nor \/etc\/painlens\/painlens\.yaml.*config init/s)
  })

  it('config init writes by the same order, into the working folder where nothing is named', () => {
    expect(configToWrite('/given.yaml', {})).toBe('/given.yaml')
    expect(configToWrite(undefined, { PAINLENS_CONFIG: '/e.yaml' })).toBe('/e.yaml')
    expect(configToWrite(undefined, {})).toBe(join(folder, 'painlens.yaml'))
  })
})

describe('the service on this box', () => {
  it('its config, folders and credentials are read from the unit and its drop-ins', () => {
    const service = readService(writeUnits('/etc/painlens/painlens.yaml', '/etc/painlens/secrets/mqtt-password'))
    expect(service).toMatchObject({
      config: '/etc/painlens/painlens.yaml',
      folders: { STATE_DIRECTORY: '/var/lib/painlens', RUNTIME_DIRECTORY: '/run/painlens' }
    })
    expect([...service!.credentials]).toEqual([['mqtt-password', '/etc/painlens/secrets/mqtt-password']])
    expect(readService(join(folder, 'nothing'))).toBe(null)
  })

  it("a command that reads the service's config gets its folders and credentials, by another name of the file, too", async () => {
    const file = join(folder, 'own.yaml')
    const secret = join(folder, 'mqtt-password')
    writeFileSync(file, text(`\${credential:mqtt-password}`))
    writeFileSync(secret, 'hunter2-hunter2\n')
    symlinkSync(file, 'painlens.yaml')
    const service = readService(writeUnits(file, secret))
    const told: string[] = []
    const { config, env } = await openConfig(undefined, { env: {}, service, tell: (line) => told.push(line) })
    expect(config.mqtt.password).toBe('hunter2-hunter2')
    expect(config.outbox.path).toBe('/var/lib/painlens/data/outbox')
    expect(env.RUNTIME_DIRECTORY).toBe('/run/painlens')
    expect(told).toEqual([`config: ${join(folder, 'painlens.yaml')}, found in the working folder\n`])
  })

  it('a command that reads another config gets nothing of it', async () => {
    writeFileSync('painlens.yaml', text('direct'))
    const service = readService(writeUnits(join(folder, 'own.yaml'), '/x'))
    const { config, file } = await openConfig('painlens.yaml', { env: {}, service })
    expect(isConfigOf(service, file)).toBe(false)
    expect(config.outbox.path).toBe(join(folder, 'data/outbox'))
  })

  it('a credential that the unit does not load is named with the remedy', async () => {
    const file = join(folder, 'own.yaml')
    writeFileSync(file, text(`\${credential:other}`))
    const service = readService(writeUnits(file, '/x'))
    await expect(openConfig(file, { env: {}, service })).rejects.toThrow(/no LoadCredential=other.*install\.sh again/s)
  })
})

it('a command that needs no passwords takes a config whose passwords cannot be had', async () => {
  writeFileSync('painlens.yaml', text(`\${file:/not/there}`))
  const opened = await openConfig('painlens.yaml', { env: {}, service: null, needsPasswords: false })
  expect(opened.config.cameras[0].id).toBe('a')
  const error = await openConfig('painlens.yaml', { env: {}, service: null }).catch((thrown: unknown) => thrown)
  expect(codeOf(error)).toBe('PL-CONFIG-INVALID')
})
