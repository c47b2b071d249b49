import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DiskError, ModelError, messageOf } from '../../core/errors.js'
import {
  dataTypes,
  type ExternalData,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue
} from './types.js'
import { WireWriter } from './wire.js'

/** A model as one block of bytes. For one of hundreds of megabytes use `writeModel`, which copies no weights. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const writer = modelMessage(model)
  const bytes = new Uint8Array(writer.length)
  let at = 0
  for (const chunk of writer.chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/** A model's ModelProto in pieces; tensors are not copied. */
function modelMessage(model: OnnxModel): WireWriter {
  const writer = new WireWriter()
  writer.varint(1, model.irVersion).string(2, model.producer).message(7, graphMessage(model.graph))
  for (const { domain, version } of model.opsets) {
    writer.message(8, new WireWriter().string(1, domain).varint(2, version))
  }
  for (const [key, value] of model.metadata) {
    writer.message(14, new WireWriter().string(1, key).string(2, value))
  }
  return writer
}

function graphMessage(graph: OnnxGraph): WireWriter {
  const writer = new WireWriter()
  for (const node of graph.nodes) writer.message(1, nodeMessage(node))
  writer.string(2, graph.name)
  for (const tensor of graph.initializers.values()) writer.message(5, tensorMessage(tensor))
  for (const value of graph.inputs) writer.message(11, valueMessage(value))
  for (const value of graph.outputs) writer.message(12, valueMessage(value))
  return writer
}

function nodeMessage(node: OnnxNode): WireWriter {
  const writer = new WireWriter()
  // An empty name marks an omitted input or output, so it has to be written.
  for (const input of node.inputs) writer.bytes(1, Buffer.from(input))
  for (const output of node.outputs) writer.bytes(2, Buffer.from(output))
  writer.string(3, node.name).string(4, node.opType)
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === 'other') writer.bytes(5, attribute.value)
    else writer.message(5, attributeMessage(name, attribute))
  }
  return writer.string(7, node.domain)
}

function attributeMessage(name: string, attribute: Exclude<OnnxAttribute, { type: 'other' }>): WireWriter {
  const writer = new WireWriter().string(1, name)
  switch (attribute.type) {
    case 'float':
      return writer.float(2, attribute.value).varint(20, 1)
    case 'int':
      return writer.varint(3, attribute.value).varint(20, 2)
    case 'string':
      return writer.bytes(4, Buffer.from(attribute.value)).varint(20, 3)
    case 'tensor':
      return writer.message(5, tensorMessage(attribute.value)).varint(20, 4)
    case 'graph':
      return writer.message(6, graphMessage(attribute.value)).varint(20, 5)
    case 'floats':
      for (const value of attribute.value) writer.float(7, value)
      return writer.varint(20, 6)
    case 'ints':
      for (const value of attribute.value) writer.varint(8, value)
      return writer.varint(20, 7)
    case 'strings':
      for (const value of attribute.value) writer.bytes(9, Buffer.from(value))
      return writer.varint(20, 8)
  }
}

function tensorMessage(tensor: OnnxTensor): WireWriter {
  const writer = new WireWriter()
  for (const dim of tensor.dims) writer.varint(1, dim)
  writer.varint(2, dataTypes[tensor.type].code).string(8, tensor.name)
  if (tensor.external === undefined) return writer.bytes(9, tensor.data)
  const { location, offset, length } = tensor.external
  const entries = { location, offset: String(offset), ...(length !== null && { length: String(length) }) }
  for (const [key, value] of Object.entries(entries)) {
    writer.message(13, new WireWriter().string(1, key).string(2, value))
  }
  return writer.varint(14, 1)
}

function valueMessage(value: OnnxValue): WireWriter {
  if (value.inferred) return new WireWriter().string(1, value.name)
  const shape = new WireWriter()
  for (const dim of value.dims) {
    shape.message(1, typeof dim === 'number' ? new WireWriter().varint(1, dim) : new WireWriter().string(2, dim))
  }
  const tensorType = new WireWriter().varint(1, dataTypes[value.type].code).message(2, shape)
  return new WireWriter().string(1, value.name).message(2, new WireWriter().message(1, tensorType))
}

/** One write call takes at most 2 GiB. */
const largestWrite = 2 ** 30
/** Protobuf's limit for one message, and so ONNX Runtime's for one file. */
const largestModel = 2 ** 31 - 1
/** Tensors in a data file begin on a page, so that a runtime can map them into memory. */
const page = 4096
/** Smaller tensors stay in the model file. */
const smallestExternal = 2 ** 16

export interface WriteOptions {
  /** Puts large tensors into a second file, `<file>.data`, which ONNX Runtime maps instead of reading. */
  dataFile?: boolean
  /** Whether to sync the files to disk, the default; false for temporary files. */
  durable?: boolean
}

/**
 * Writes a model, its weights without a copy. A file gets its name only when complete.
 * @throws DiskError without space, permission or folder; ModelError above 2 GiB without a data file
 */
export async function writeModel(file: string, model: OnnxModel, options: WriteOptions = {}): Promise<void> {
  const { durable = true } = options
  if (options.dataFile) {
    const split = splitOff(model, `${basename(file)}.data`)
    await writeModelFile(`${file}.data`, split.chunks, durable)
    await writeModel(file, split.model, { durable })
    return
  }
  const { chunks, length } = modelMessage(model)
  if (length > largestModel) {
    throw new ModelError(
      'PL-MODEL-TOO-LARGE',
      `the model would have ${length} bytes, and ONNX files end at 2 GiB`,
      file
    )
  }
  await writeModelFile(file, chunks, durable)
}

/** The model with its large tensors, those of branches too, moved to `location`, and that file's bytes. */
function splitOff(model: OnnxModel, location: string): { model: OnnxModel; chunks: Uint8Array[] } {
  const chunks: Uint8Array[] = []
  const places = new Map<Uint8Array, ExternalData>()
  let end = 0
  const placeOf = (data: Uint8Array): ExternalData => {
    const offset = Math.ceil(end / page) * page
    chunks.push(new Uint8Array(offset - end), data)
    end = offset + data.byteLength
    return { location, offset, length: data.byteLength }
  }
  const moved = (tensor: OnnxTensor): OnnxTensor => {
    const { data } = tensor
    if (data.byteLength < smallestExternal) return tensor
    const external = places.get(data) ?? placeOf(data)
    places.set(data, external)
    return { ...tensor, external }
  }
  return { model: { ...model, graph: withTensors(model.graph, moved) }, chunks }
}

/** The graph with each of its initializers replaced, and those of its branches. */
function withTensors(graph: OnnxGraph, replaced: (tensor: OnnxTensor) => OnnxTensor): OnnxGraph {
  const nodes = graph.nodes.map((node) => {
    const attributes = [...node.attributes].map(([name, attribute]): [string, OnnxAttribute] => [
      name,
      attribute.type === 'graph' ? { type: 'graph', value: withTensors(attribute.value, replaced) } : attribute
    ])
    return { ...node, attributes: new Map(attributes) }
  })
  const initializers = new Map([...graph.initializers].map(([name, tensor]) => [name, replaced(tensor)]))
  return { ...graph, nodes, initializers }
}

/** Removes what writers of this file have left behind that were killed; no other may be at work. */
export async function removeUnfinished(file: string): Promise<void> {
  const [folder, start] = [dirname(file), `${basename(file)}.`]
  const left = (await readdir(folder)).filter(
    (name) => name.startsWith(start) && /^\d+\.tmp$/.test(name.slice(start.length))
  )
  for (const name of left) await rm(join(folder, name), { force: true })
}

async function writeModelFile(file: string, chunks: readonly Uint8Array[], durable: boolean): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    const handle = await open(temporary, 'w')
    try {
      await writeChunks(handle, chunks)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    throw new DiskError(
      'PL-MODEL-UNWRITABLE',
      `the model (${length} bytes) could not be written: ${messageOf(error)}`,
      file,
      { cause: error }
    )
  }
}

/** Joins small pieces into one write; large ones are written without a copy. */
async function writeChunks(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const gathered: Uint8Array[] = []
  let size = 0
  for (const chunk of chunks) {
    gathered.push(chunk)
    size += chunk.byteLength
    if (size < 2 ** 16) continue
    await writeAll(handle, gathered)
    gathered.length = 0
    size = 0
  }
  await writeAll(handle, gathered)
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const last = chunks.at(-1)
  if (last === undefined) return
  // Joining the small ones costs at most 64 KiB; the last may be a whole layer's weights.
  const head = Buffer.concat(chunks.slice(0, -1))
  for (const block of [head, last]) {
    for (let at = 0; at < block.byteLength; ) {
      const { bytesWritten } = await handle.write(block, at, Math.min(largestWrite, block.byteLength - at))
      at += bytesWritten
    }
  }
}
