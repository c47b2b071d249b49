import { messageOf } from '../../core/errors.js'

export interface ConnectTrouble {
  /** `network`: may pass by itself; `auth` and `tls`: somebody has to change something; `version`: try the other protocol version. */
  kind: 'network' | 'auth' | 'tls' | 'version' | 'broker'
  what: string
  fix: string
}

const trouble = (kind: ConnectTrouble['kind'], what: string, fix: string): ConnectTrouble => ({ kind, what, fix })

const start = 'Start the broker, or correct mqtt.url.'
const password = 'Correct mqtt.username and mqtt.password; the broker’s log says who was refused.'
const authority = 'Set mqtt.tls.ca to the certificate of the authority that signed the broker’s.'
const version = trouble('version', 'the broker does not speak this MQTT version', 'Use a broker for MQTT 5 or 3.1.1.')
const clientId = trouble(
  'auth',
  'the broker refuses the client id',
  'Choose another `device`, with letters and digits only.'
)
const busy = trouble('broker', 'the broker is busy or shutting down', 'Wait; painlens keeps trying.')
const wrongPassword = trouble('auth', 'the broker refuses user name or password', password)
const banned = trouble('auth', 'the broker has banned this client', 'Its log and its configuration say why.')
const plain = trouble(
  'tls',
  'the broker does not speak TLS on this port',
  'Use mqtt:// instead of mqtts://, or the port that the broker serves TLS on (usually 8883).'
)
const untrusted = trouble('tls', 'the broker’s certificate is signed by nobody we trust', authority)
const clientCertificate = trouble(
  'tls',
  'the broker does not accept our client certificate',
  'Set mqtt.tls.cert and mqtt.tls.key to a certificate that the broker’s authority signed.'
)

/** By the system's, OpenSSL's or MQTT's code (3.1.1: 1 to 5; MQTT 5: from 128). */
const troubles: Record<string, ConnectTrouble> = {
  ECONNREFUSED: trouble('network', 'nothing listens there', start),
  ENOTFOUND: trouble('network', 'there is no host of this name', 'Correct the host in mqtt.url, or the name service.'),
  EAI_AGAIN: trouble('network', 'the name service does not answer', 'Check the network; painlens keeps trying.'),
  EHOSTUNREACH: trouble('network', 'the host cannot be reached', 'Check the network and the host in mqtt.url.'),
  ENETUNREACH: trouble('network', 'the network cannot be reached', 'Check the network and the host in mqtt.url.'),
  ETIMEDOUT: trouble('network', 'the host does not answer', 'Check the network, the firewall and mqtt.url.'),
  ECONNRESET: trouble(
    'network',
    'the broker closed the connection',
    'Check the port and, if it serves TLS, use mqtts://.'
  ),
  EPIPE: trouble('network', 'the broker closed the connection', 'Check the port and, if it serves TLS, use mqtts://.'),
  1: version,
  132: version,
  2: clientId,
  133: clientId,
  3: busy,
  136: busy,
  137: busy,
  4: wrongPassword,
  134: wrongPassword,
  5: wrongPassword,
  135: wrongPassword,
  138: banned,
  139: busy,
  141: trouble('network', 'the broker has not heard of us for too long', 'Check the network; painlens keeps trying.'),
  147: trouble(
    'broker',
    'the broker got more messages at once than it takes',
    'Raise its receive maximum (mosquitto: max_inflight_messages), and report this: painlens goes by what it announces.'
  ),
  142: trouble('broker', 'another client took over our client id', 'Give each painlens a `device` of its own.'),
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  CERT_HAS_EXPIRED: trouble('tls', 'the broker’s certificate has expired', 'Renew it; if it is new, check this clock.'),
  CERT_NOT_YET_VALID: trouble('tls', 'the broker’s certificate is not valid yet', 'Set this machine’s clock.'),
  ERR_TLS_CERT_ALTNAME_INVALID: trouble(
    'tls',
    'the broker’s certificate is for another host name',
    'Use the name that is in the certificate in mqtt.url.'
  ),
  EPROTO: plain,
  ERR_SSL_WRONG_VERSION_NUMBER: plain,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plain,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: clientCertificate,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: clientCertificate,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: clientCertificate,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: clientCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: clientCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: clientCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: trouble(
    'tls',
    'the broker says that our client certificate has expired',
    'Renew mqtt.tls.cert; if it is new, check both clocks.'
  )
}

const closed = trouble(
  'network',
  'the broker closed the connection before it answered',
  'Check the port: a TLS port needs mqtts://; the broker’s log says more.'
)
const noWebSocket = trouble(
  'network',
  'no MQTT over WebSocket is served there',
  'Correct the port and the path in mqtt.url; mosquitto serves it on a `protocol websockets` listener.'
)
const silent = trouble('network', 'the broker does not answer', 'Check that a broker, and nothing else, listens there.')

/** What went wrong with a connection to the broker, and what to do; for a log line, or a row of `painlens check`. */
export function explainConnectError(error: unknown): ConnectTrouble {
  const { code } = (error ?? {}) as { code?: string | number }
  const known = code === undefined ? undefined : troubles[code]
  if (known) return known
  const text = messageOf(error)
  if (/connack timeout/i.test(text)) return silent
  if (/closed before|socket hang up/i.test(text)) return closed
  if (/unexpected server response/i.test(text)) return noWebSocket
  if (String(code).startsWith('ERR_SSL') || String(code).startsWith('ERR_TLS')) {
    return trouble('tls', `TLS fails (${text})`, 'Check the port and mqtt.tls.')
  }
  return trouble('broker', `the broker cannot be used (${text})`, 'The broker’s log says more.')
}
