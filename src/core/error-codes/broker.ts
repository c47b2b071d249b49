import { errorArea } from './area.js'

const network = 'Check the network; painlens keeps trying.'
const giveRight =
  'Give the user the right to read painlens/<device>/command/# at the broker; until then no command to acknowledge or to pause arrives.'

export const brokerErrors = errorArea({
  title: 'Broker',
  about: 'In the log, in the alarm `broker_lost`, and in `painlens check`.',
  codes: {
    'PL-BROKER-URL': {
      cause: 'mqtt.url is no URL, has no host, or begins with something else than mqtt, mqtts, ws or wss.',
      fix: 'Write mqtt://host:1883, or mqtts://host:8883 for TLS.'
    },
    'PL-BROKER-FILE': {
      cause: "A file of mqtt.tls is missing, or painlens's user may not read it.",
      fix: 'Correct the path, or give painlens’s user the right to read it.'
    },
    'PL-BROKER-REFUSED': {
      cause: 'The host is there, but no broker on this port.',
      fix: 'Start the broker, or correct mqtt.url.'
    },
    'PL-BROKER-HOST': {
      cause: 'The host in mqtt.url is misspelt, or the name service does not know it.',
      fix: 'Correct the host in mqtt.url, or the name service.'
    },
    'PL-BROKER-NAME-SERVICE': { cause: 'No network, or no name server.', fix: network },
    'PL-BROKER-UNREACHABLE': {
      cause: 'No route: another network, or the host is off.',
      fix: 'Check the network and the host in mqtt.url.'
    },
    'PL-BROKER-NO-NETWORK': {
      cause: 'This machine has no network.',
      fix: 'Check the network and the host in mqtt.url.'
    },
    'PL-BROKER-TIMEOUT': {
      cause: 'The host is off, or a firewall drops the packets.',
      fix: 'Check the network, the firewall and mqtt.url.'
    },
    'PL-BROKER-SILENT': {
      cause: 'Something accepts the connection but is no MQTT broker, or hangs.',
      fix: 'Check that a broker, and nothing else, listens there.'
    },
    'PL-BROKER-NO-WEBSOCKET': {
      cause: 'A web server answers, but not with MQTT.',
      fix: 'Correct the port and the path in mqtt.url; mosquitto serves it on a `protocol websockets` listener.'
    },
    'PL-BROKER-VERSION': {
      cause: 'Neither MQTT 5 nor 3.1.1 is taken, or `mqtt.protocol` names one that is not.',
      fix: 'Use a broker for MQTT 5 or 3.1.1.'
    },
    'PL-BROKER-CLIENT-ID': {
      cause:
        'The broker restricts client ids to others than painlens-<device>. By MQTT 3.1.1 mosquitto answers the same where mqtt.keepalive_s is above its max_keepalive.',
      fix: 'Choose another `device`, with letters and digits only, or set mqtt.client_id; by MQTT 3.1.1 lower mqtt.keepalive_s to the broker’s largest keepalive.'
    },
    'PL-BROKER-LOGIN': {
      cause: 'Login wrong or missing.',
      fix: 'Correct mqtt.username and mqtt.password; the broker’s log says who was refused.'
    },
    'PL-BROKER-BANNED': {
      cause: 'The broker’s administrator, or a rule for failed logins, has banned it.',
      fix: 'Its log and its configuration say why.'
    },
    'PL-BROKER-BUSY': { cause: 'The broker reports that it is busy.', fix: 'Wait; painlens keeps trying.' },
    'PL-BROKER-NO-TLS': {
      cause: 'mqtts:// to a port without encryption.',
      fix: 'Use mqtt:// instead of mqtts://, or the port that the broker serves TLS on (usually 8883).'
    },
    'PL-BROKER-TLS': {
      cause: 'The two sides agree on no version or cipher, or something else than TLS answers.',
      fix: 'Check the port and mqtt.tls.'
    },
    'PL-BROKER-UNTRUSTED': {
      cause: "The broker has a certificate of its own or of the house's authority.",
      fix: 'Set mqtt.tls.ca to the certificate of the authority that signed the broker’s.'
    },
    'PL-BROKER-CERT-EXPIRED': {
      cause: "The certificate was not renewed, or this machine's clock is ahead.",
      fix: 'Renew it; if it is new, check this clock.'
    },
    'PL-BROKER-CERT-EARLY': {
      cause: "This machine's clock is behind, often at the first start without network time.",
      fix: 'Set this machine’s clock.'
    },
    'PL-BROKER-CERT-NAME': {
      cause: 'mqtt.url has an IP address or an alias.',
      fix: 'Use the name that is in the certificate in mqtt.url, or set mqtt.tls.server_name.'
    },
    'PL-BROKER-CLIENT-CERT': {
      cause: 'The broker asks for a client certificate, and has got none or one of another authority.',
      fix: 'Set mqtt.tls.cert and mqtt.tls.key to a certificate that the broker’s authority signed.'
    },
    'PL-BROKER-CLIENT-CERT-EXPIRED': {
      cause: 'The certificate in mqtt.tls.cert was not renewed.',
      fix: 'Renew mqtt.tls.cert; if it is new, check both clocks.'
    },
    'PL-BROKER-CLOSED': {
      cause: 'The broker restarted, or something else listens there.',
      fix: 'Check that a broker listens on this port, and the scheme of mqtt.url: mqtts:// where it serves TLS, mqtt:// where not.'
    },
    'PL-BROKER-HUNG-UP': {
      cause: 'mqtt:// to a TLS port, or a broker that hangs up on a login that it does not like.',
      fix: 'The broker’s log says why: a login, a client id or a last will that it does not take. A TLS port needs mqtts://.'
    },
    'PL-BROKER-DROPPED': {
      cause:
        'The broker closed a connection that had worked, without a reason: it restarted, a limit of it was reached, or, as by MQTT 3.1.1 no reason can be given, a second client came with the same client id.',
      fix: 'If that continues, the broker’s log says why; if another client has the same client id, give each painlens a `device` of its own.'
    },
    'PL-BROKER-TAKEN-OVER': {
      cause: 'Two boxes with the same `device`, or a second painlens on this one.',
      fix: 'Give each painlens a `device` of its own.'
    },
    'PL-BROKER-KEEPALIVE': {
      cause: 'The network loses packets without either side noticing, or the broker hangs.',
      fix: 'Check the network and the broker’s load; painlens keeps trying.'
    },
    'PL-BROKER-OTHER': {
      cause: "Something that painlens does not know; the text is the broker's or the system's.",
      fix: 'The broker’s log says more.'
    },
    'PL-BROKER-NOT-CONNECTED': {
      cause: 'Something was to be published while there is no connection; alarms wait on disk meanwhile.',
      fix: 'Nothing to do: painlens keeps trying; the log says why there is no connection.'
    },
    'PL-BROKER-NOT-SENT': {
      cause:
        'The connection ended before the message went, which waits for the next one; it says nothing about the message.',
      fix: 'Nothing to do: painlens keeps trying; the log says why there is no connection.'
    },
    'PL-BROKER-RECEIVE-MAXIMUM': {
      cause: 'It allows fewer than it announces as its Receive Maximum, by which painlens goes.',
      fix: 'Raise its receive maximum (mosquitto: max_inflight_messages), and report this: painlens goes by what it announces.'
    },
    'PL-BROKER-ONE-AT-ONCE': {
      cause: "The broker's Receive Maximum is 1, so that nothing can be kept free for alarms.",
      fix: "Raise the broker's receive maximum (mosquitto: max_inflight_messages) to 10 or more."
    },
    'PL-BROKER-LOST': {
      cause: 'The connection broke off before the broker had confirmed a message, which is sent again.',
      fix: 'Nothing to do if it comes back; otherwise check the network and the broker.'
    },
    'PL-BROKER-UNCONFIRMED': {
      cause: 'The broker took the connection, but does not answer a publish.',
      fix: "Look into the broker's log."
    },
    'PL-BROKER-NO-WRITE': {
      cause: "The broker's access list does not let this user write there.",
      fix: 'Give the user the right to write painlens/<device>/# at the broker.'
    },
    'PL-BROKER-LEFTOVER': {
      cause: 'A camera was removed or renamed while painlens could not tell the broker, as with another outbox.',
      fix: 'Stop painlens, run `painlens forget DEVICE` with this device’s name, and start it again.'
    },
    'PL-BROKER-DEVICE-ONLINE': {
      cause: 'The broker retains that this device is online; what is removed of it would come back.',
      fix: 'Stop painlens there first, or correct the name.'
    },
    'PL-BROKER-HIDDEN': {
      cause:
        "The broker's access list does not let this user both read and write below the device's topic; what the broker retains there stays unseen, or stays.",
      fix: 'Use a user that may do both, in a config given with --config; or give this one the right to read and write painlens/DEVICE/# meanwhile.'
    },
    'PL-BROKER-NO-RETAIN': {
      cause: 'The broker is configured to keep no retained messages, or is of a kind that has none.',
      fix: 'Let the broker keep retained messages (mosquitto: retain_available true). Until then a subscriber that comes later has to send the command refresh to learn status and states.'
    },
    'PL-BROKER-NO-QOS': {
      cause: "The broker's highest QoS is 0.",
      fix: 'Let the broker take QoS 1 (mosquitto: max_qos 1). Until then an alarm that it loses is lost unnoticed.'
    },
    'PL-BROKER-TOO-LARGE': {
      cause:
        'The message has more bytes than the broker takes: than it announces, than it has refused, or than it has hung up on before.',
      fix: "Raise the broker's largest packet (mosquitto: max_packet_size) to 1 MB, or 64 kB without privacy.publish_heatmap."
    },
    'PL-BROKER-TOPIC': {
      cause: 'The broker does not allow topics of this name.',
      fix: 'Allow painlens/<device>/# at the broker.'
    },
    'PL-BROKER-QUOTA': {
      cause: 'The broker takes only so many messages in a time from one client, or so many bytes, and that is used up.',
      fix: "Raise this client's quota at the broker."
    },
    'PL-BROKER-REFUSES-MESSAGE': {
      cause: 'The broker has answered a message with a reason code that is about the message or about itself.',
      fix: 'The broker’s log says more.'
    },
    'PL-BROKER-NO-READ': {
      cause: "The broker's access list does not let this user read the device's commands, or its alarms for the page.",
      fix: giveRight
    },
    'PL-BROKER-COMMAND-LOST': {
      cause:
        'The broker takes the subscription and then delivers nothing, as mosquitto does where its acl_file gives no right to read.',
      fix: giveRight
    },
    'PL-BROKER-COMMAND-UNSURE': {
      cause:
        "The broker's access list lets this user not read commands, or not send any; by MQTT 3.1.1 it does not say which.",
      fix: giveRight
    },
    'PL-BROKER-OPEN-PASSWORD': {
      cause: 'mqtt:// with a password, and the broker is another machine: the password can be read in the network.',
      fix: 'Use mqtts:// and, with an own authority, mqtt.tls.ca.'
    }
  }
})
