/** The camera stage: one supervised decoder child per camera, RGB24 frames out. */
export { type Camera, type CameraOptions, type CameraStats, openCamera } from './camera.js'
export { type CameraCheck, checkCamera } from './check.js'
export type { Decoder, Failure } from './decoder.js'
export { decoderEnvironment } from './decoder-process.js'
export { type DecoderName, type Decoders, decoderFor, probeDecoders } from './decoders.js'
export { ffmpegDecoder, probeFfmpeg } from './ffmpeg.js'
export { type CameraShape, ratioText, type ShapeOptions } from './picture-shape.js'
export type { CameraTiming } from './retries.js'
