/*
 * A CUDA runtime without a GPU: memory is the host's, and whatever would compute says that it has. With it ONNX Runtime's
 * CUDA provider opens sessions, and so decides where each node is to run, on any machine; what comes out means nothing.
 * place.mjs adds a function that returns 0 for every other symbol that the provider asks for.
 */
#include <stdlib.h>
#include <string.h>

static int give(void **p) { *p = calloc(1, 64); return 0; }

int cudaMalloc(void **p, size_t n) { *p = aligned_alloc(256, (n + 511) / 256 * 256); return *p ? 0 : 2; }
int cudaMallocHost(void **p, size_t n) { return cudaMalloc(p, n); }
int cudaHostAlloc(void **p, size_t n, unsigned flags) { return cudaMalloc(p, n); }
int cudaMallocFromPoolAsync(void **p, size_t n, void *pool, void *stream) { return cudaMalloc(p, n); }
int cudaFree(void *p) { free(p); return 0; }
int cudaFreeHost(void *p) { free(p); return 0; }
int cudaFreeAsync(void *p, void *stream) { free(p); return 0; }
int cudaMemcpy(void *to, const void *from, size_t n, int kind) { memcpy(to, from, n); return 0; }
int cudaMemcpyAsync(void *to, const void *from, size_t n, int kind, void *stream) { memcpy(to, from, n); return 0; }
int cudaMemset(void *to, int value, size_t n) { memset(to, value, n); return 0; }
int cudaMemsetAsync(void *to, int value, size_t n, void *stream) { memset(to, value, n); return 0; }
int cudaMemGetInfo(size_t *free, size_t *all) { *free = 70ull << 30; *all = 80ull << 30; return 0; }

int cudaStreamCreate(void **p) { return give(p); }
int cudaStreamCreateWithFlags(void **p, unsigned flags) { return give(p); }
int cudaEventCreate(void **p) { return give(p); }
int cudaEventCreateWithFlags(void **p, unsigned flags) { return give(p); }
int cudaMemPoolCreate(void **p, void *properties) { return give(p); }
int cublasCreate_v2(void **p) { return give(p); }
int cublasLtCreate(void **p) { return give(p); }
void *__cudaRegisterFatBinary(void *binary) { return calloc(1, 64); }
const char *cudaGetErrorName(int error) { return "stand-in"; }
const char *cudaGetErrorString(int error) { return "stand-in"; }
const char *cublasGetStatusName(int status) { return "stand-in"; }
const char *cublasGetStatusString(int status) { return "stand-in"; }

int cudaGetDeviceCount(int *n) { *n = 1; return 0; }
int cudaGetDevice(int *device) { *device = 0; return 0; }
int cudaDriverGetVersion(int *v) { *v = 13000; return 0; }
int cudaRuntimeGetVersion(int *v) { *v = 13000; return 0; }
/* cudaDevAttrComputeCapabilityMajor and Minor are 75 and 76. */
int cudaDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : attribute == 76 ? 0 : 1024; return 0; }

/* The beginning of CUDA 13's struct; ONNX Runtime reads no further than the number of multiprocessors. */
struct properties {
  char name[256], uuid[16], luid[8];
  unsigned luidDeviceNodeMask;
  size_t totalGlobalMem, sharedMemPerBlock;
  int regsPerBlock, warpSize;
  size_t memPitch;
  int maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3];
  size_t totalConstMem;
  int major, minor;
  size_t textureAlignment, texturePitchAlignment;
  int multiProcessorCount;
};

int cudaGetDeviceProperties(struct properties *p, int device) {
  *p = (struct properties){.name = "stand-in", .totalGlobalMem = 80ull << 30, .sharedMemPerBlock = 48 << 10, .regsPerBlock = 65536,
    .warpSize = 32, .maxThreadsPerBlock = 1024, .maxThreadsDim = {1024, 1024, 64}, .maxGridSize = {1 << 30, 65535, 65535},
    .major = 9, .minor = 0, .multiProcessorCount = 132};
  return 0;
}
