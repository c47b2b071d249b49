/** The camera stage: one supervised decoder child per camera, RGB24 frames out. */
export { type Camera, type CameraOptions, type CameraStats, type CameraStatus, openCamera } from './camera.js'
export { type CameraCheck, type CameraCheckOptions, checkCamera } from './check.js'
export type { Decoder, DecoderCommand, DecoderRequest, StreamDescription } from './decoder.js'
export type { Failure, FailureKind, FailurePattern } from './failure.js'
export { ffmpegDecoder } from './ffmpeg-decoder.js'
export { type Ffmpeg, probeFfmpeg } from './ffmpeg-probe.js'
export { type CameraTiming, defaultTiming } from './timing.js'
export { parseCameraUrl } from './url.js'
