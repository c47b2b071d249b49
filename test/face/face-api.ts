import { createRequire } from 'node:module'
import { join } from 'node:path'
import { faceApi } from './photos.js'

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
  for (const net of Object.values({ ...faceapi.nets })) {
    if (
      net === faceapi.nets.ssdMobilenetv1 ||
      net === faceapi.nets.faceLandmark68Net ||
      net === faceapi.nets.tinyFaceDetector
    )
      await net.loadFromDisk(join(faceApi, 'model'))
  }
  return faceapi
}
