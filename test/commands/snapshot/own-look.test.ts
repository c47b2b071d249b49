import { expect, it, onTestFinished } from 'vitest'
import { lookAtCamera } from '../../../src/commands/snapshot/own-look.js'
import { parseConfig } from '../../../src/config/index.js'
import { Secrets } from '../../../src/core/secrets.js'
import { Rig } from '../../stages/camera/rig.js'
import { patience } from '../../support/slowness.js'

it('a camera whose next key frame is far away is waited for, and not given up as lost', {
  timeout: patience(60_000)
}, async () => {
  const rig = await Rig.open()
  onTestFinished(() => rig.close())
  const server = await rig.server({ quirks: { joinsAnywhere: true } })
  // Every 14 s.
  const { url } = await rig.feed(server, { keyFrameEvery: 210 })
  // Until its first key frame is over.
  await new Promise((resolve) => setTimeout(resolve, patience(1500)))
  const { config } = await parseConfig(
    `device: walk
mqtt: { url: "mqtt://192.0.2.2" }
model: { face_models: models/face }
cameras: [{ id: bed, url: "${url}", decoder: ffmpeg, silent_after_s: 2 }]
`,
    `${process.cwd()}/p.yaml`
  )
  const { head } = await lookAtCamera(config, config.cameras[0]!, new Secrets(), new AbortController().signal)
  expect(head).toMatchObject({ state: 'ok', faces: [] })
})
