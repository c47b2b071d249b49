/** The camera stage: one supervised decoder child per camera, RGB24 frames out. */
export { type Camera, type CameraOptions, type CameraStats, openCamera } from './camera.js'
export { type CameraCheck, checkCamera } from './check.js'
export type { Decoder } from './decoder.js'
export { type DecoderName, type Decoders, decoderFor, probeDecoders } from './decoders.js'
export type { Failure } from './failure.js'
export { ffmpegDecoder } from './ffmpeg-decoder.js'
export { probeFfmpeg } from './ffmpeg-probe.js'
export type { CameraTiming } from './timing.js'
