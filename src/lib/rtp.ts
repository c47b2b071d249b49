/** Says of an RTP packet's payload whether a stream may be joined there: the picture needs no earlier one. */
type KeyFrameTest = (payload: Buffer) => boolean

/** By the encoding name of SDP's rtpmap, in upper case. Encodings that are not here let readers join anywhere. */
const keyFrameTests: Record<string, KeyFrameTest> = { H264: h264, H265: h265, JPEG: jpeg }

/** @param packet an RTP packet (RFC 3550) */
export function beginsKeyFrame(encoding: string, packet: Buffer): boolean {
  const payload = rtpPayload(packet)
  return payload.length > 0 && (keyFrameTests[encoding]?.(payload) ?? true)
}

/** Empty where the packet is cut off. */
function rtpPayload(packet: Buffer): Buffer {
  if (packet.length < 12) return packet.subarray(0, 0)
  let start = 12 + (packet[0]! & 0x0f) * 4
  const hasExtension = (packet[0]! & 0x10) !== 0
  if (hasExtension) {
    if (packet.length < start + 4) return packet.subarray(0, 0)
    start += 4 + packet.readUInt16BE(start + 2) * 4
  }
  return packet.subarray(start)
}

/** RFC 6184: single NAL units, STAP-A (24), FU-A (28). Key are IDR (5) and, before it, the parameter set SPS (7). */
function h264(payload: Buffer): boolean {
  const isKey = (type: number): boolean => type === 5 || type === 7
  const type = payload[0]! & 0x1f
  if (type === 24) return aggregated(payload, 1).some((unit) => isKey(unit[0]! & 0x1f))
  if (type === 28) return payload.length > 1 && (payload[1]! & 0x80) !== 0 && isKey(payload[1]! & 0x1f)
  return isKey(type)
}

/** RFC 7798: aggregation packets (48), fragments (49). Key are IRAP pictures (16 to 21) and VPS, SPS (32, 33). */
function h265(payload: Buffer): boolean {
  const isKey = (type: number): boolean => (type >= 16 && type <= 21) || type === 32 || type === 33
  const type = (payload[0]! >> 1) & 0x3f
  if (type === 48) return aggregated(payload, 2).some((unit) => isKey((unit[0]! >> 1) & 0x3f))
  if (type === 49) return payload.length > 2 && (payload[2]! & 0x80) !== 0 && isKey(payload[2]! & 0x3f)
  return isKey(type)
}

/** RFC 2435: every picture is whole in itself; the fragment at offset 0 begins it. */
function jpeg(payload: Buffer): boolean {
  return payload.length >= 8 && payload.readUIntBE(1, 3) === 0
}

/** The NAL units of an aggregation packet, each after a length of 16 bits. */
function aggregated(payload: Buffer, start: number): Buffer[] {
  const units: Buffer[] = []
  let at = start
  while (at + 2 < payload.length) {
    const end = at + 2 + payload.readUInt16BE(at)
    if (end > at + 2) units.push(payload.subarray(at + 2, end))
    at = end
  }
  return units
}
