import { join } from 'node:path'

/** ONNX files by what they do. A release brings them; in a checkout `npm run build` makes them (tools/face-models). */
export interface FaceModels {
  /** Looks over the whole frame, quickly, for places where a face may be. */
  finder: string
  /** Says of such a place how much it is a face, and where exactly. */
  detector: string
  /** 68 points in a face's box. */
  landmarks: string
}

/** The files of the face models in a folder. */
export function faceModelFiles(dir: string): FaceModels {
  return {
    finder: join(dir, 'finder.onnx'),
    detector: join(dir, 'detector.onnx'),
    landmarks: join(dir, 'landmarks.onnx')
  }
}
