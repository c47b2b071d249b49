/** Asks the network for ONVIF cameras (WS-Discovery 1.0, by UDP). What answers may be anything: nothing is sent to it here. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** The interface that a question leaves by, and its destination. */
export interface ProbeTarget {
  /** The IPv4 address of one of this machine's interfaces. */
  from: string
  to: string
  port: number
}

/** For `child.ts`. */
export interface DeviceQuestion {
  address: string
  /** The URL of its service, at that address. */
  service: string
  user: string | null
  password: string | null
  /** SHA-256 of certificates to trust, by any issuer: 64 hexadecimal digits each, with or without colons. */
  fingerprints: readonly string[]
}

/** What has answered. */
export interface Answered {
  address: string
  /** Its service, by its own address; null where it names none there. */
  service: string | null
}

/** The group and the port of WS-Discovery. */
const group = { to: '239.255.255.250', port: 3702 }
const mostDevices = 64
const mostMessages = 1000
/** Devices wait for up to half a second, and one of two questions may be lost. */
const asksMs = [0, 800]

/** One for each interface: the default route alone would leave out a network of cameras. */
export function everyInterface(): ProbeTarget[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => ({ from: address, ...group }))
}

/** @returns each address once, in the order in which they answered */
export async function discover(targets: readonly ProbeTarget[], ms: number, signal: AbortSignal): Promise<Answered[]> {
  const found = new Map<string, Answered>()
  let messages = 0
  const take = (message: Buffer, { address }: RemoteInfo): void => {
    if (++messages > mostMessages || (found.size >= mostDevices && !found.has(address))) return
    const answer = readAnswer(message.toString(), address)
    if (answer && !found.get(address)?.service) found.set(address, answer)
  }
  const sockets: Socket[] = []
  try {
    await Promise.all(targets.map((target) => ask(target, sockets, take)))
    await sleep(ms, undefined, { signal }).catch(() => undefined)
  } finally {
    for (const socket of sockets) socket.close()
  }
  return [...found.values()]
}

/** An interface that cannot be used is left out. */
async function ask(
  { from, to, port }: ProbeTarget,
  sockets: Socket[],
  take: (message: Buffer, by: RemoteInfo) => void
) {
  const socket = createSocket('udp4')
  sockets.push(socket)
  socket.on('error', () => undefined).on('message', take)
  try {
    socket.bind(0, from)
    await once(socket, 'listening')
    if (to === group.to) socket.setMulticastInterface(from)
    const question = probeMessage(crypto.randomUUID())
    for (const ms of asksMs) setTimeout(() => send(socket, question, port, to), ms).unref()
  } catch {
    // It went down meanwhile.
  }
}

function send(socket: Socket, message: string, port: number, to: string): void {
  try {
    socket.send(message, port, to, () => undefined)
  } catch {
    // The search is over.
  }
}

const probeMessage = (id: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header><w:MessageID>uuid:${id}</w:MessageID><w:To e:mustUnderstand="true">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To><w:Action e:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header><e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>`

/** Reads what is needed of an answer without a parser of XML, which a stranger could make work hard. @returns null unless it is one */
export function readAnswer(text: string, address: string): Answered | null {
  const named = /<(?:[\w.-]{1,40}:)?XAddrs>([^<]{0,4000})</.exec(text)?.[1]
  if (named === undefined) return null
  // A device names an address of each of its networks, and may name one of another machine.
  const urls = named.trim().split(/\s+/)
  const own = (protocol: string) =>
    urls.find((url) => URL.canParse(url) && isServiceAt(new URL(url), protocol, address))
  // Passwords go as digests, so that one without TLS will do; the other may need a fingerprint first.
  return { address, service: own('http:') ?? own('https:') ?? null }
}

const isServiceAt = (url: URL, protocol: string, address: string): boolean =>
  url.protocol === protocol && url.hostname === address && url.username === '' && url.password === ''
