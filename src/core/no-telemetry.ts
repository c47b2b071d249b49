/**
 * To be imported before onnxruntime-node, and by whatever starts the worker threads that use it. From 1.29 on ONNX
 * Runtime's own builds for Linux report to Microsoft (github.com/microsoft/onnxruntime/pull/27379) and keep a device id and
 * a cache below the home folder. painlens connects to its cameras and its broker only, so this is switched off
 * before the library is initialised; it looks once, at the process's environment, which worker threads cannot change.
 */
process.env.ORT_DISABLE_TELEMETRY = '1'
