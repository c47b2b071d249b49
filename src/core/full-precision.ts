/**
 * To be imported before CUDA's libraries are first used, and by whatever starts the worker threads that use them. On GPUs
 * from Ampere on cuDNN and cuBLAS round a convolution's inputs to TF32's 10 bits unless told otherwise, which moves relevance
 * by more than the engines may differ (docs/measured/gpu.md). ONNX Runtime has an option against it, `use_tf32`, which onnxruntime-node
 * 1.29 does not pass on; NVIDIA's libraries also read this variable, from the process's environment, which worker
 * threads cannot change. A value that is set already is kept.
 */
process.env.NVIDIA_TF32_OVERRIDE ??= '0'
