import { describe, expect, it } from 'vitest'
import { type LoadOptions, parseConfig } from '../../src/config/index.js'
import { ConfigError } from '../../src/core/errors.js'

const minimal = `device: ward-3
mqtt: { url: "mqtt://192.0.2.2:1883" }
cameras:
  - id: room-312
    url: rtsp://192.0.2.10:554/stream1
`

const nothing: LoadOptions = { env: {}, readFile: async (path) => Promise.reject(noEntry(path)) }
const noEntry = (path: string): Error => Object.assign(new Error(`ENOENT ${path}`), { code: 'ENOENT' })

const parse = (text: string, options: LoadOptions = {}) =>
  parseConfig(text, '/etc/painlens/p.yaml', { ...nothing, ...options })

async function problemsOf(text: string, options?: LoadOptions): Promise<readonly string[]> {
  const error = await parse(text, options).then(
    () => null,
    (thrown: unknown) => thrown
  )
  expect(error).toBeInstanceOf(ConfigError)
  return (error as ConfigError).problems
}

describe('a good config', () => {
  it('a gamma is accepted for a composite that has one, and one session with the engine that can share it', async () => {
    const { config } = await parse(
      `${minimal}explanation: { composite: lrp.gamma, gamma: [0.5, 0.1], engine: onnx, session: shared }`
    )
    expect(config.explanation).toMatchObject({ composite: 'lrp.gamma', gamma: [0.5, 0.1], session: 'shared' })
  })

  it('a config of five lines is accepted and gets the defaults of the design', async () => {
    const { config, secrets, baseDir, file } = await parse(minimal)
    expect(file).toBe('/etc/painlens/p.yaml')
    expect(baseDir).toBe('/etc/painlens')
    expect(secrets).toEqual([])
    expect(config).toMatchObject({
      device: 'ward-3',
      facility: null,
      mqtt: { protocol: 'auto', keepalive_s: 30 },
      inference: { provider: 'auto', threads: 0, min_face_score: 0.5 },
      alarm: { onset_threshold: 0.7, onset_s: 2, clear_threshold: 0.45, clear_s: 3, smoothing_s: 1, update_s: 10 },
      explanation: { enabled: true, engine: 'auto', composite: 'lrp.sequential_preset_a_flat', threshold: 0.6 },
      privacy: { publish_emotions: false, publish_heatmap: false, save_heatmaps_to: null },
      outbox: { path: '/etc/painlens/data/outbox', max_messages: 100000, expiry_h: 24 }
    })
    expect(config.alarm.priority).toMatchObject({ pain: 'high', camera_lost: 'medium' })
    expect(config.cameras).toEqual([
      {
        id: 'room-312',
        url: 'rtsp://192.0.2.10:554/stream1',
        video_track: 'auto',
        first_picture_s: 25,
        silent_after_s: 10,
        location: { ward: null, room: null, bed: null },
        fps: 5,
        width: 1280,
        height: 720,
        decoder: 'auto',
        rotation: 'auto',
        aspect: null,
        masks: [],
        zones: [],
        frozen_after_s: 10,
        dark_after_s: 10
      }
    ])
  })

  it('a key without a value gets its default', async () => {
    const { config } = await parse(`${minimal}    zones:\n    location:\nprivacy:\nalarm:\n  priority:\n`)
    expect(config).toEqual((await parse(minimal)).config)
  })

  it('http.host accepts a loopback address without a token and any other with one; the token is a secret', async () => {
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
      expect((await parse(`${minimal}http: { host: "${host}" }\n`)).config.http.host).toBe(host)
    const open = await parse(`${minimal}http: { host: 0.0.0.0, token: 0123456789abcdef }\n`)
    expect(open.config.http).toEqual({ enabled: true, host: '0.0.0.0', port: 9464, token: '0123456789abcdef' })
    expect(open.secrets).toEqual(['0123456789abcdef'])
    expect((await parse(`${minimal}http: { enabled: false, host: 0.0.0.0 }\n`)).config.http.enabled).toBe(false)
  })

  it('the tokens of the page are secrets', async () => {
    const tokens = ['ward-0123456789ab', 'tech-0123456789ab']
    const text = `page: { enabled: true, tokens: { ward: ${tokens[0]}, technician: ${tokens[1]} } }\n`
    expect((await parse(minimal + text)).secrets).toEqual(tokens)
  })

  it('a number where text is expected is read as text', async () => {
    const { config } = await parse(`${minimal}    location: { ward: 3, room: 012, bed: true }\n`)
    expect(config.cameras[0].location).toEqual({ ward: '3', room: '012', bed: 'true' })
  })

  it('a key that takes a word or a number takes both, also from a placeholder', async () => {
    const track = async (text: string) =>
      (await parse(`${minimal}    video_track: ${text}\n`, { env: { TRACK: '3' } })).config.cameras[0]!.video_track
    // biome-ignore lint/suspicious/noTemplateCurlyInString: painlens's own placeholder
    expect([await track('auto'), await track('2'), await track('${env:TRACK}')]).toEqual(['auto', 2, 3])
    const gamma = async (text: string) =>
      (await parse(`${minimal}explanation: { composite: lrp.gamma, gamma: ${text} }\n`)).config.explanation.gamma
    expect([await gamma('0.3'), await gamma('[0.5, 0.1]'), await gamma('null')]).toEqual([0.3, [0.5, 0.1], null])
    for (const wrong of ['0', '"2"', 'first'])
      expect(await problemsOf(`${minimal}    video_track: ${wrong}\n`)).toEqual([
        `6:18 cameras[0].video_track: found ${wrong === 'first' ? '"first"' : wrong}, allowed is auto or a whole number from 1 to 16 [PL-CONFIG-VALUE]`
      ])
    expect((await problemsOf(`${minimal}explanation: { gamma: high }\n`))[0]).toMatch(
      /gamma: found "high", allowed is a number from 0 to 1000 or a list with at least one item or null/
    )
  })

  it('YAML aliases are resolved', async () => {
    const { config } = await parse(`${minimal}    location: &where { ward: W }
  - { id: b, url: "rtsp://h/2", location: *where }\n`)
    expect(config.cameras[1].location.ward).toBe('W')
  })
})

describe('paths', () => {
  it('relative paths start from the config file, the default model from the installation', async () => {
    const own = `${minimal}model: { manifest: m/own.yaml, face_models: ../faces }
privacy: { save_heatmaps_to: heat }
`
    expect((await parse(minimal)).config.model.manifest).toMatch(/\/models\/pain-demo\.yaml$/)
    expect((await parse(minimal)).config.model.manifest).not.toContain('/etc/painlens')
    const { config } = await parse(own)
    expect(config.model).toEqual({ manifest: '/etc/painlens/m/own.yaml', face_models: '/etc/faces' })
    expect(config.privacy.save_heatmaps_to).toBe('/etc/painlens/heat')
  })

  it("relative state paths start from systemd's state folder", async () => {
    const { config } = await parse(`${minimal}privacy: { save_heatmaps_to: /srv/heat }`, {
      env: { STATE_DIRECTORY: '/var/lib/painlens:/other' }
    })
    expect(config.outbox.path).toBe('/var/lib/painlens/data/outbox')
    expect(config.privacy.save_heatmaps_to).toBe('/srv/heat')
  })
})

describe('a bad config', () => {
  it('all problems of a config are reported in one pass, in order, with line and column', async () => {
    const problems = await problemsOf(`devise: Ward 3
mqtt:
  ulr: mqtt://broker:1883
  tls: { cert: x }
cameras:
  - id: bed-1
    url: ftp://192.0.2.1/
    fps: fast
    width: 12.5
    masks: [[[0,0],[1,1]], [[0,0],[1]], [[0,0],[1,2],[1,0]]]
  - id: bed-1
    url: rtsp://h/x
    zones: {}
alarm: { onset_threshold: 0.4, priority: { pain: urgent } }
log: debug
explanation: { enabled: yes }
`)
    const expected = [
      '1:1 device: missing, allowed is up to 40 of a-z, 0-9 and - [PL-CONFIG-VALUE]',
      '1:1 devise: found an unknown key, did you mean device? [PL-CONFIG-KEY]',
      /^2:1 mqtt\.url: missing, allowed is a URL that starts with mqtt:.* \[PL-CONFIG-VALUE\]$/,
      '3:3 mqtt.ulr: found an unknown key, did you mean url? [PL-CONFIG-KEY]',
      '4:3 mqtt.tls: found one of cert and key, allowed are both or neither [PL-CONFIG-TLS-PAIR]',
      '7:10 cameras[0].url: found a URL that starts with ftp://, allowed is a URL that starts with rtsp://, rtsps://, http://, https:// [PL-CONFIG-URL]',
      '8:10 cameras[0].fps: found "fast", allowed is a number from 0.2 to 30 [PL-CONFIG-VALUE]',
      '9:12 cameras[0].width: found 12.5, allowed is a whole number from 160 to 3840 [PL-CONFIG-VALUE]',
      /^10:13 cameras\[0\]\.masks\[0\]: found 2 corners.* \[PL-CONFIG-OUTLINE\]$/,
      '10:35 cameras[0].masks[1][1]: found a list, allowed is a corner [x, y], two numbers from 0 to 1 [PL-CONFIG-VALUE]',
      '10:51 cameras[0].masks[2][1][1]: found 2, allowed is a number from 0 to 1 [PL-CONFIG-VALUE]',
      /^11:9 cameras\[1\]\.id: found "bed-1", which number 1 of the list has already.* \[PL-CONFIG-TWICE\]$/,
      /^13:12 cameras\[1\]\.zones: found a section, allowed is a list.* \[PL-CONFIG-VALUE\]$/,
      /^14:27 alarm\.onset_threshold: found clear_threshold 0.45 and onset_threshold 0.4.* \[PL-CONFIG-THRESHOLDS\]$/,
      '14:50 alarm.priority.pain: found "urgent", allowed is high, medium or low [PL-CONFIG-VALUE]',
      '15:6 log: found a single value, allowed is a section with the keys level, format [PL-CONFIG-VALUE]',
      '16:25 explanation.enabled: found "yes", allowed is true or false [PL-CONFIG-VALUE]'
    ]
    expect(problems).toHaveLength(expected.length)
    expected.forEach((line, i) => {
      if (typeof line === 'string') expect(problems[i]).toBe(line)
      else expect(problems[i]).toMatch(line)
    })
  })

  it.each([
    ['a: "x', '1:6'],
    ['a: 1\na: 2', '2:1 found a key for the second time'],
    ['a:\n\tb: 3', '2:1'],
    ['a: !secret x', '1:4 found an unknown tag'],
    ['a: @x', '1:4 found text that begins with @'],
    ['a: 1\n---\nb: 2', '2:1 found a second document']
  ])('broken YAML is reported with its position: %j', async (text, start) => {
    expect((await problemsOf(text)).join('\n')).toContain(start)
  })

  it.each(['', '# only a comment\n', 'null', '{}'])(
    'an empty config is reported with its missing keys: %j',
    async (text) => {
      const problems = await problemsOf(text)
      expect(problems.map((line) => line.slice(0, line.indexOf(', allowed is')))).toEqual([
        '1:1 device: missing',
        '1:1 mqtt: missing',
        '1:1 cameras: missing'
      ])
    }
  )

  it('recursive aliases and deep nesting are refused in finite time', async () => {
    expect((await problemsOf('a: &a [*a]')).join()).toContain('nested')
    const many = await problemsOf(`${minimal}    zones: [${'{}, '.repeat(40_000)}]\n`)
    expect(many).toEqual([expect.stringContaining('found too many values')])
    expect(
      (
        await problemsOf(`a: &a [x,x,x,x,x,x,x,x,x,x]
${'bcdefgh'
  .split('')
  .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[i]}`).join()}]`)
  .join('\n')}`)
      ).join()
    ).toContain('too many values')
    expect((await problemsOf('['.repeat(50_000))).join()).toContain('nested')
  })

  it.each([
    ['alarm: { onset_threshold: 0.5, clear_threshold: 0.5 }', 'alarm.clear_threshold'],
    ['alarm: { clear_threshold: 0.9 }', 'alarm.clear_threshold'],
    ['cameras: [{ id: a, url: "rtsp://h/", fps: 0.3 }]', 'cameras[0].fps: found 0.3, allowed is at least 0.40'],
    [
      'cameras: [{ id: a, url: "http://h/", video_track: 2 }, { id: b, url: "http://h/", video_track: 1 }]',
      'cameras[0].video_track: found 2 for a stream over HTTP, which has one video track'
    ],
    [
      'cameras: [{ id: a, url: "rtsp://h/", aspect: "1:9999" }]',
      'aspect: found "1:9999", allowed is width:height from 1:8'
    ],
    ['cameras: [{ id: a, url: "rtsp://h/", aspect: "9:1" }]', 'aspect: found "9:1", allowed'],
    ['cameras: []', 'cameras: found an empty list'],
    [
      'explanation: { gamma: 0.5 }',
      'explanation.gamma: found a gamma, for which lrp.sequential_preset_a_flat has no use'
    ],
    ['explanation: { composite: lrp.z, gamma: [0.5, 0.1] }', 'explanation.gamma: found a gamma, for which lrp.z'],
    ['explanation: { session: shared }', 'explanation.session: found shared with engine auto'],
    [
      'cameras: [{ id: a, url: "rtsp://h/", zones: [{ name: x, polygon: [[0,0],[1,0],[0,1]] }, { name: x, polygon: [[0,0],[1,0],[0,1]] }] }]',
      'zones[1].name'
    ],
    ['mqtt: { url: "mqtt://h", tls: { ca: x } }', 'mqtt.tls: found certificates for an unencrypted url'],
    ['mqtt: { url: "mqtt://h", password: x }', 'mqtt.password: found a password alone'],
    ['http: { host: 0.0.0.0 }', 'http.host: found "0.0.0.0", which others can reach, and no http.token'],
    ['http: { host: "::" }', 'http.host: found "::", which others can reach'],
    [
      'http: { host: box.example }',
      'http.host: found "box.example", allowed is an IP address of this device, or localhost'
    ],
    ['http: { port: 0 }', 'http.port: found 0'],
    ['http: { token: short-s3cret }', 'http.token: found a single value, allowed is at least 16 characters'],
    ['device: Ward_3', 'device: found "Ward_3"'],
    ['facility: ""', 'facility: found empty text, allowed is visible text or null'],
    ['facility: "\u00a0"', 'facility: found "'],
    ['cameras: [{ id: a, url: "rtsp://h/", location: { room: " " } }]', 'room: found " ", allowed is visible text'],
    ['facility: { a: 1 }', 'facility: found a section, allowed is visible text or null'],
    ['inference: { provider: gpu }', 'found "gpu", allowed is auto, cuda, tensorrt or cpu']
  ])('a config with %s is refused', async (line, expected) => {
    const key = line.split(':')[0]
    const kept = {
      device: 'device: d',
      mqtt: 'mqtt: { url: "mqtt://h" }',
      cameras: 'cameras: [{ id: a, url: "rtsp://h/" }]'
    }
    const text = [
      ...Object.entries(kept)
        .filter(([name]) => name !== key)
        .map(([, value]) => value),
      line
    ].join('\n')
    const problems = await problemsOf(text)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(expected)
    expect(problems[0]).toMatch(/^\d+:\d+ /)
  })
})
