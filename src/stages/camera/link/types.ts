import type { Socket } from 'node:net'
import type { Failure } from '../decoder.js'
import type { CameraUrl } from '../url.js'
import type { CameraTls } from './camera-socket.js'

/** How far a camera has come in what it sends. */
export interface LinkProgress {
  playing: boolean
  /** Of RTP and RTCP, or of HTTP's data. */
  packets: number
  /** Counted until pictures come. */
  keyFrames: number
  /** What comes in the place of packets is none of the protocol. */
  noise: boolean
  /** Pictures come. */
  settled: boolean
}

export interface LinkOptions {
  url: CameraUrl
  tls?: CameraTls
  /** Which of a stream's video tracks, from 1 on; `auto`: the largest, or else the first. */
  videoTrack: number | 'auto'
  /** For the connection, and for each answer until the stream comes, in ms. */
  answerMs: number
  /** The camera gives no stream, or none any more. */
  onFailure(failure: Failure): void
}

/** One session with a camera, for one decoder after the other. */
export interface Link {
  readonly progress: Readonly<LinkProgress>
  /**
   * A decoder that has shown the secret.
   * @param first what it has sent by now
   * @param base how the addresses begin that it is told: `rtsp://127.0.0.1:PORT/SECRET`
   */
  attach(decoder: Socket, first: Buffer, base: string): void
  /** What the camera is waited for; undefined where the stream comes, or nothing was asked of it. */
  silence(): Failure | undefined
  /** Pictures come: what was kept for another decoder is let go. */
  settle(): void
  /** Ends the session, politely; back within half a second. */
  close(): Promise<void>
}
