/** The camera stage: one supervised decoder child per camera, RGB24 frames out. */
export { type Camera, type CameraOptions, type CameraStats, type CameraStatus, openCamera } from './camera.js'
export { type CameraCheck, type CameraCheckOptions, checkCamera } from './check.js'
export type { Decoder, DecoderCommand, DecoderRequest, Failure, FailurePattern, StreamDescription } from './decoder.js'
export { type DecoderName, type Decoders, decoderFor, decoderNames, probeDecoders } from './decoders.js'
export { type Ffmpeg, ffmpegDecoder, probeFfmpeg } from './ffmpeg.js'
export { defaultPictureTiming, type PictureTiming } from './picture-watch.js'
export { type CameraTiming, defaultTiming } from './retries.js'
export { parseCameraUrl } from './url.js'
