import { describe, expect, it } from 'vitest'
import { checkCameras } from '../../../src/commands/check/camera.js'
import { parseConfig } from '../../../src/config/index.js'
import { Secrets } from '../../../src/core/secrets.js'
import { type CameraSeen, settingsOf } from '../../../src/daemon/control/protocol.js'

const config = async (keys = '') =>
  (
    await parseConfig(
      `device: walk
mqtt: { url: "mqtt://192.0.2.2" }
cameras: [{ id: bed, url: "rtsp://192.0.2.10/live", fps: 2${keys} }]
`,
      '/etc/painlens/p.yaml'
    )
  ).config

/** The line of a camera of which the running painlens says this. */
async function lineOf(seen: Partial<CameraSeen>, keys = ''): Promise<string> {
  const checked = await config(keys)
  const cameras = [
    {
      ...{ id: 'bed', state: 'ok', since: new Date().toISOString(), until: null, reason: null, fps: 1.2 },
      ...{ last_picture_ms: 600, picture: { width: 1280, height: 720 }, decoder: 'ffmpeg 5.1', decoder_problem: null },
      settings: settingsOf(checked.cameras[0]!),
      ...seen
    }
  ]
  const daemon = { version: '0.1.0', device: 'walk', pid: 1, started: new Date().toISOString(), cameras }
  const running = { daemon, findings: [] }
  const context = { config: checked, secrets: new Secrets(), running, signal: new AbortController().signal }
  const [line] = await checkCameras(context)
  return `${line!.state} ${line!.code ?? ''}: ${line!.found}`
}

describe('the line of a camera that a running painlens watches', () => {
  it('blames the box where most pictures are not analysed, and the camera only where it gives too few', async () => {
    // As measured: eight cameras of 5 fps on two busy cores.
    const behind = await lineOf({ frames: 406, dropped: 332 })
    expect(behind).toMatch(/^warn PL-CAMERA-BEHIND: .*; 332 of 406 pictures were not analysed$/)
    expect(await lineOf({ frames: 406, dropped: 0 })).toMatch(/^warn PL-CAMERA-SLOW: /)
    expect(await lineOf({ frames: 406, dropped: 40, fps: 2 })).toMatch(/^ok : /)
    // Just started, and a painlens of a version that does not tell.
    expect(await lineOf({ frames: 12, dropped: 6, fps: 2 })).toMatch(/^ok : /)
    expect(await lineOf({ fps: 2 })).toMatch(/^ok : /)
  })

  it('tells of other settings, and opens the camera where these are some by which it is opened', async () => {
    const settings = settingsOf((await config()).cameras[0]!)
    expect(await lineOf({ fps: 2, settings }, ', dark_after_s: 5')).toMatch(/^warn PL-CONTROL-OTHER-SETTINGS: /)
    // No decoder can be started here: that one was asked for is what the line ends with.
    for (const key of ['video_track: 2', 'rotation: 90', 'aspect: "16:9"', 'decoder: ffmpeg'])
      expect(await lineOf({ fps: 2, settings }, `, ${key}`)).toContain(
        `; the running painlens has another ${key.split(':')[0]} (`
      )
  })

  it('is by what that sees, too, where the config lets the camera be silent for longer than since its last picture', async () => {
    const seen = { fps: 2, last_picture_ms: 45_000 }
    expect(await lineOf(seen, ', silent_after_s: 90')).toMatch(
      /^ok : watched by the running painlens.* last picture 45.0 s ago/
    )
    expect(await lineOf(seen)).toContain('the running painlens has no picture')
  })

  it('is red where masks, alone or together, hide the whole picture', async () => {
    const whole = ', masks: [[[0, 0], [1, 0], [1, 1], [0, 1]]]'
    const halves = ', masks: [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]], [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]'
    const most = ', masks: [[[0, 0], [0.9, 0], [0.9, 1], [0, 1]]]'
    for (const masks of [whole, halves])
      expect(await lineOf({ fps: 2 }, masks)).toBe('fail PL-CAMERA-MASKED: its masks hide the whole picture')
    expect(await lineOf({ fps: 2 }, most)).toMatch(/^ok : /)
  })
})
