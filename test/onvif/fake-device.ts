/** A camera that speaks ONVIF on an address of the loopback, and worse ones. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import type { ProbeTarget } from '../../src/onvif/index.js'

export interface FakeDevice {
  target: ProbeTarget
  service: string
  /** Bodies of the requests that came. */
  asked: string[]
}

export interface FakeOptions {
  /** Its answer to a question of WS-Discovery. @param service its own */
  probe?: (service: string) => string | Buffer
  /** In place of the answer to a request; undefined: the answer of a camera. */
  answer?: (body: string, response: ServerResponse, request: IncomingMessage) => boolean
  /** Its service speaks https://. */
  tls?: { cert: string; key: string }
  /** What the camera says, by the name of the request. */
  says?: Partial<Record<keyof typeof camera, string>>
}

export const envelope = (body: string): string =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>${body}</s:Body></s:Envelope>`

export const matches = (addresses: string): string =>
  envelope(
    `<d:ProbeMatches xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:ProbeMatch><d:XAddrs>${addresses}</d:XAddrs></d:ProbeMatch></d:ProbeMatches>`
  )

/** @param service its own, where the request needs it */
const camera = {
  GetSystemDateAndTime: () => {
    const now = new Date()
    const time = `<tt:Time><tt:Hour>${now.getUTCHours()}</tt:Hour><tt:Minute>${now.getUTCMinutes()}</tt:Minute><tt:Second>${now.getUTCSeconds()}</tt:Second></tt:Time>`
    const date = `<tt:Date><tt:Year>${now.getUTCFullYear()}</tt:Year><tt:Month>${now.getUTCMonth() + 1}</tt:Month><tt:Day>${now.getUTCDate()}</tt:Day></tt:Date>`
    return `<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:UTCDateTime>${time}${date}</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>`
  },
  GetCapabilities: (service: string) =>
    `<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>${service}</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>`,
  GetDeviceInformation: () =>
    '<tds:GetDeviceInformationResponse><tds:Manufacturer>Example</tds:Manufacturer><tds:Model>Dome 4</tds:Model></tds:GetDeviceInformationResponse>',
  GetVideoSources: () =>
    '<trt:GetVideoSourcesResponse><trt:VideoSources token="source"><tt:Framerate>25</tt:Framerate></trt:VideoSources></trt:GetVideoSourcesResponse>',
  GetProfiles: () =>
    `<trt:GetProfilesResponse>${profile('main', 1920, 1080)}${profile('sub', 640, 360)}</trt:GetProfilesResponse>`,
  GetStreamUri: (service: string, body: string) => {
    const token = /ProfileToken>([^<]*)</.exec(body)?.[1]
    const address = new URL(service).hostname
    return streamUri(`rtsp://user:secret@${address}:554/stream/${token}?user=admin&amp;password=hidden`)
  }
}

export const streamUri = (uri: string): string =>
  `<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>${uri}</tt:Uri></trt:MediaUri></trt:GetStreamUriResponse>`

export const profile = (token: string, width: number | string, height: number | string, name = token): string =>
  `<trt:Profiles token="${token}" fixed="true"><tt:Name>${name}</tt:Name><tt:VideoSourceConfiguration token="v"><tt:SourceToken>source</tt:SourceToken></tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="e"><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>${width}</tt:Width><tt:Height>${height}</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>15</tt:FrameRateLimit></tt:RateControl></tt:VideoEncoderConfiguration></trt:Profiles>`

export const fault = envelope(
  '<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">Sender not Authorized</s:Text></s:Reason></s:Fault>'
)

/** @param address of the loopback: 127.0.0.2 and on */
export async function fakeDevice(address: string, options: FakeOptions = {}): Promise<FakeDevice> {
  const asked: string[] = []
  let service = ''
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    void text(request).then((body) => {
      asked.push(body)
      if (options.answer?.(body, response, request)) return
      const name = (Object.keys(camera) as (keyof typeof camera)[]).find((one) => body.includes(`<${one}`))
      const said = name && (options.says?.[name] ?? camera[name](service, body))
      response
        .writeHead(said ? 200 : 400, { 'content-type': 'application/soap+xml' })
        .end(said ? envelope(said) : fault)
    })
  }
  const server = options.tls ? createTlsServer(options.tls, answer) : createServer(answer)
  // A client that refuses the certificate.
  server.on('tlsClientError', () => undefined)
  await once(server.listen(0, address), 'listening')
  service = `${options.tls ? 'https' : 'http'}://${address}:${(server.address() as AddressInfo).port}/onvif/device_service`
  const socket = createSocket('udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  socket.on('message', (_, { port, address: from }) => {
    socket.send(options.probe?.(service) ?? matches(`http://198.51.100.7/onvif ${service}`), port, from)
  })
  onTestFinished(() => {
    socket.close()
    server.closeAllConnections()
    server.close()
  })
  return { target: { from: '127.0.0.1', to: address, port: socket.address().port }, service, asked }
}
