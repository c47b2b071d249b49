import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export const faceApi = dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'))

interface Tensor {
  dataSync(): Float32Array
  dispose(): void
}

type Network<Output> = {
  loadFromDisk(folder: string): Promise<void>
  forward(input: unknown, inputSize?: number): Promise<Output>
}

interface FaceApi {
  tf: {
    tensor3d(data: Uint8Array, shape: number[], type: 'int32'): Tensor
    setBackend(name: 'wasm'): Promise<boolean>
    ready(): Promise<void>
  }
  nets: {
    ssdMobilenetv1: Network<{ boxes: Tensor[]; scores: Tensor[] }>
    faceLandmark68Net: Network<Tensor>
    tinyFaceDetector: Network<Tensor>
  }
}

/** face-api itself on tfjs' wasm backend: the oracle for the models that painlens builds of its weights. */
export async function openFaceApi(): Promise<FaceApi> {
  const require = createRequire(import.meta.url)
  const wasm = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(folder: string): void }
  wasm.setWasmPaths(join(require.resolve('@tensorflow/tfjs-backend-wasm'), '../'))
  const faceapi = require(join(faceApi, 'dist/face-api.node-wasm.js')) as FaceApi
  await faceapi.tf.setBackend('wasm')
  await faceapi.tf.ready()
  const { ssdMobilenetv1, faceLandmark68Net, tinyFaceDetector } = faceapi.nets
  for (const net of [ssdMobilenetv1, faceLandmark68Net, tinyFaceDetector])
    await net.loadFromDisk(join(faceApi, 'model'))
  return faceapi
}
