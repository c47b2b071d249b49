// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of a config, as its author writes them.
import { errorArea } from './area.js'

export const configErrors = errorArea({
  title: 'Config',
  about:
    'Reading the config file. Each problem names line and column, what was found and what is allowed there, and has a code of its own.',
  codes: {
    'PL-CONFIG-RESTART': {
      cause:
        'A changed config was read again (SIGHUP), and more than its cameras has changed. Cameras are taken over at once.',
      fix: 'sudo systemctl restart painlens'
    },
    'PL-CONFIG-INVALID': {
      cause: 'The config file has one problem or more; each line names one, with its own code.',
      fix: 'Correct the lines named above; config/painlens.schema.json makes an editor point them out.'
    },
    'PL-CONFIG-NONE': {
      cause:
        'No config is in any of the places that are looked at: `--config`, `$PAINLENS_CONFIG`, `./painlens.yaml`, `/etc/painlens/painlens.yaml`.',
      fix: 'Write a first one with painlens config init, or name yours with --config.'
    },
    'PL-CONFIG-DENIED': {
      cause: 'The file is for root and for the user that runs painlens.',
      fix: "Start the command as the service's user: sudo -u painlens painlens …; a check with sudo painlens check."
    },
    'PL-CONFIG-ENCODING': {
      cause: 'The config is not UTF-8, which an editor on another system may have saved.',
      fix: 'Convert it with the command that the message names: iconv -f ENCODING -t UTF-8 OLD > NEW.'
    },
    'PL-CONFIG-OTHER': {
      cause: 'A file was checked that the service does not read, so its lights say nothing about the service.',
      fix: 'Name the one of the service with --config, or let install.sh --config put this one into its place.'
    },
    'PL-CONFIG-UNREADABLE': {
      cause: 'There is no such file, or it is a folder, a pipe or a device.',
      fix: 'Name your config file with --config; painlens config init writes a first one.'
    },
    'PL-CONFIG-YAML': {
      cause: 'The text is no YAML at that place.',
      fix: 'The message says what was found. Indent by two spaces, put text with : # * & @ ` ! in quotes.'
    },
    'PL-CONFIG-LIST-KEY': {
      cause: 'A line begins with [ or { or ? where a key belongs.',
      fix: 'Put text that begins so in quotes.'
    },
    'PL-CONFIG-NESTED': {
      cause: 'The file has more values, or nests them deeper, than any config does, perhaps through aliases.',
      fix: 'Write the values without aliases (*), and only those that are needed.'
    },
    'PL-CONFIG-KEY': {
      cause: 'A key is misspelt, or stands in another section than it belongs to.',
      fix: 'Take the suggestion, or look the key up in docs/operate/config.md.'
    },
    'PL-CONFIG-VALUE': {
      cause: 'The value is missing, or of another kind than the key takes.',
      fix: 'Write what the message says is allowed; docs/operate/config.md has every key.'
    },
    'PL-CONFIG-OUTLINE': {
      cause: 'A mask or a zone is not an outline that encloses a part of the picture.',
      fix: 'Name the corners in order around the outline, none twice.'
    },
    'PL-CONFIG-URL': {
      cause: 'A URL of the broker or of a camera is not complete, or of another kind.',
      fix: 'Write scheme, host and path; an @ in the path is written %40.'
    },
    'PL-CONFIG-TWICE': {
      cause: 'Two cameras have one id, or two zones of a camera one name.',
      fix: 'Rename one of them.'
    },
    'PL-CONFIG-THRESHOLDS': {
      cause: "Both thresholds are set, or one is and the other's default does not fit.",
      fix: 'Lower alarm.clear_threshold or raise alarm.onset_threshold.'
    },
    'PL-CONFIG-FPS': {
      cause: 'A camera is looked at so seldom that every face counts as gone before the next frame.',
      fix: "Raise the camera's fps, or alarm.track_lost_s."
    },
    'PL-CONFIG-TRACK': {
      cause: 'video_track of a camera asks for a track beyond the only one that a stream over HTTP has.',
      fix: 'Remove video_track, or use the RTSP address of the camera.'
    },
    'PL-CONFIG-EXPLANATION': {
      cause: 'A key of explanation has no use beside the others there.',
      fix: 'Remove the key, or set explanation.composite to lrp.gamma or lrp.epsilon_gamma_box, explanation.engine to onnx.'
    },
    'PL-CONFIG-TLS-UNUSED': {
      cause: "mqtt.tls is set, but mqtt.url is not encrypted; or a camera's tls, and its url is not.",
      fix: 'Write mqtts:// (a camera: rtsps:// or https://) in the url, or remove tls.'
    },
    'PL-CONFIG-TLS-PIN': {
      cause:
        'A fingerprint names one certificate; a certificate authority and a name would not be looked at beside it.',
      fix: 'Keep either tls.fingerprint of the camera, or tls.ca and tls.server_name.'
    },
    'PL-CONFIG-TLS-PAIR': {
      cause: 'A client certificate is of no use without its key.',
      fix: 'Give both mqtt.tls.cert and mqtt.tls.key.'
    },
    'PL-CONFIG-USERNAME': {
      cause: 'MQTT has no password without a user name.',
      fix: 'Set mqtt.username.'
    },
    'PL-CONFIG-TOKEN': {
      cause: 'http.host is an address that other machines reach, and any of them could ask painlens over HTTP.',
      fix: 'Set http.token, best as ${credential:http}, or leave http.host at 127.0.0.1.'
    },
    'PL-CONFIG-PAGE-TOKENS': {
      cause: 'The page needs a token for its logins, and its two roles need different ones.',
      fix: 'Set page.tokens.ward and page.tokens.technician, best as ${credential:…}; openssl rand -hex 16 makes one.'
    },
    'PL-CONFIG-ENV': {
      cause: '`${env:NAME}` names a variable that painlens was not started with.',
      fix: 'Set it, for a service with Environment= or EnvironmentFile= in the unit.'
    },
    'PL-CONFIG-CREDENTIAL': {
      cause: '`${credential:NAME}` has a name that no credential can have.',
      fix: 'Use the name of LoadCredential= in the unit.'
    },
    'PL-CONFIG-CREDENTIALS-DIRECTORY': {
      cause: '`${credential:NAME}` is used, but painlens was not started by systemd, or the unit loads no credentials.',
      fix: 'Start it as a service; to try it by hand, set CREDENTIALS_DIRECTORY to the folder with the secrets.'
    },
    'PL-CONFIG-PLACEHOLDER': {
      cause:
        'A placeholder is not one of `${env:NAME}`, `${file:/path}` and `${credential:NAME}`, or its } is missing.',
      fix: 'Use one of these; text that is to begin so as it is cannot be written.'
    },
    'PL-CONFIG-SECRET-FILE': {
      cause:
        'The file of `${file:…}` or `${credential:…}` is empty, is not UTF-8, or begins with a byte order mark, which would become a part of the password.',
      fix: 'Write the value into it, as UTF-8 without BOM: printf %s VALUE > FILE.'
    },
    'PL-CONFIG-PLACEHOLDER-FILE': {
      cause: "The file of `${file:…}` or `${credential:…}` is missing, or painlens's user may not read it.",
      fix: "Correct the name, or the file's owner and mode."
    }
  }
})

export const initErrors = errorArea({
  title: 'painlens config init',
  about: 'Asking for a first config.',
  codes: {
    'PL-INIT-EXISTS': {
      cause: 'The config, or a file with one of its passwords, is there and would be lost.',
      fix: 'Name another with --config or move it away, or add --force.'
    },
    'PL-INIT-UNWRITABLE': {
      cause: 'The folder does not exist and cannot be made, or is not yours to write to.',
      fix: 'Name a folder that you may write to.'
    },
    'PL-INIT-MISSING': {
      cause: 'With --yes nothing is asked, and this has no default.',
      fix: 'Give it as an option; see --help.'
    },
    'PL-INIT-VALUE': {
      cause: 'An option has a value that the config would not take; the message says what is allowed.',
      fix: 'See painlens config init --help.'
    },
    'PL-INIT-SECRETS': {
      cause: '--secrets names another place than the four there are.',
      fix: 'Use one of those that the message names.'
    },
    'PL-INIT-CAMERA': {
      cause: '--room names a camera that no --camera has.',
      fix: 'Give it with --camera id=url first.'
    },
    'PL-INIT-PAIR': {
      cause: '--camera and --room take `name=value`.',
      fix: 'Write room-312=….'
    },
    'PL-INIT-STOPPED': {
      cause: 'Ctrl-C, or a signal.',
      fix: 'Nothing was written; start again.'
    },
    'PL-INIT-NO-ANSWER': {
      cause: 'Standard input ended (a pipe, or Ctrl-D) and the question has no default.',
      fix: 'Answer it, or use the options that --help shows.'
    }
  }
})
