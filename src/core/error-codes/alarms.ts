import { errorArea } from './area.js'

const folder = 'Set outbox.path to a folder.'

export const outboxErrors = errorArea({
  title: 'Outbox and alarm log',
  about: 'At start, in the log, and in the alarms `outbox_failed` and `outbox_full`.',
  codes: {
    'PL-OUTBOX-LOCKED': {
      cause: 'Two painlens with the same outbox.path; the database is for one.',
      fix: 'Stop the other painlens, or give this one its own outbox.path.'
    },
    'PL-OUTBOX-DAMAGED': {
      cause: 'The disk lost what was written, or its files were changed by another program.',
      fix: 'Move the folder away; painlens makes a new one. Undelivered alarms in it are lost.'
    },
    'PL-OUTBOX-PERMISSION': {
      cause: 'The folder belongs to another user, often root after a trial by hand.',
      fix: 'Give the user that runs painlens the right to write there.'
    },
    'PL-OUTBOX-READ-ONLY': {
      cause: 'outbox.path is on a disk that is mounted read-only, or outside what the unit may write to.',
      fix: 'Set outbox.path to a folder that can be written.'
    },
    'PL-OUTBOX-NO-SPACE': { cause: 'The disk is full.', fix: 'Free some space on this disk.' },
    'PL-OUTBOX-FILE': { cause: 'outbox.path names a file, or leads through one.', fix: folder },
    'PL-OUTBOX-OTHER': {
      cause: "Something that painlens does not know; the text is the database's.",
      fix: 'Check the disk and the permissions of the folder.'
    },
    'PL-OUTBOX-CLOSED': {
      cause: 'The outbox was asked for something while painlens stops, or while the disk refuses it.',
      fix: 'Nothing to do: painlens is stopping, or reopens it once the disk can be written again.'
    },
    'PL-OUTBOX-FULL': {
      cause: 'The broker has been away so long that the alarms on disk come near outbox.max.',
      fix: 'See to the connection to the broker; beyond the limit the oldest alarms that have ended are dropped.'
    },
    'PL-ALARM-LOG-MISSING': {
      cause: 'No alarm was written there yet, or painlens writes them elsewhere.',
      fix: 'Name its folder with --path; it is made with the first alarm.'
    },
    'PL-ALARM-LOG-UNWRITABLE': {
      cause: 'The disk is full, or the folder of alarm_log.path belongs to another user. Alarms go out all the same.',
      fix: "Free some space, or give painlens's user the right to write there; what came meanwhile is written then."
    },
    'PL-ALARM-LOG-UNREADABLE': {
      cause: 'The alarm log belongs to the user that runs painlens.',
      fix: 'Read it as the user that runs painlens, or as root.'
    }
  }
})

export const commandErrors = errorArea({
  title: 'Commands over MQTT',
  about: 'In the answer to a command.',
  codes: {
    'PL-COMMAND-UNKNOWN': {
      cause: 'The last part of the topic is not one of the commands.',
      fix: 'Use one of the commands that the message names.'
    },
    'PL-COMMAND-TOO-LARGE': {
      cause: 'The payload is larger than any command is.',
      fix: 'Send what docs/integrate/mqtt.md says the command takes, and nothing else.'
    },
    'PL-COMMAND-JSON': {
      cause: 'The payload is no JSON.',
      fix: 'Send a JSON object, or nothing where the command needs no argument.'
    },
    'PL-COMMAND-INVALID': {
      cause: 'An argument is missing, unknown, or has a value that is not allowed.',
      fix: 'Correct what the message names; config/messages has a schema of each command.'
    },
    'PL-COMMAND-NO-ALARM': {
      cause: 'No alarm has this id, or it ended more than 14 days ago, or the alarm log no longer has it.',
      fix: 'Take alarm_id from a message on base/alarm; `refresh` publishes every active alarm again.'
    },
    'PL-COMMAND-NO-CAMERA': {
      cause: 'The command names a camera that the config does not have.',
      fix: 'Name one of those that the message lists.'
    },
    'PL-COMMAND-TOO-MANY': {
      cause:
        'Acknowledgements or test alarms come faster than half of alarm.updates_per_s; more than 10 test alarms came at once, or 2 a minute after that; or one alarm has had 20 acknowledgements while it was active, or since its end.',
      fix: 'Try again in a second, a test alarm in half a minute; an alarm with 20 acknowledgements needs no further one.'
    }
  }
})

export const machineErrors = errorArea({
  title: 'HTTP, clock, disks and passwords',
  about:
    'In the log, in `painlens check`, in the alarm `clock_unsynchronised` and in the answers of `/live`, `/ready` and `/metrics`. Alarms go on without these; painlens tries again by itself.',
  codes: {
    'PL-HTTP-PORT': {
      cause: 'Another program, or a second painlens, listens there.',
      fix: 'Choose another as http.port, or stop the other program.'
    },
    'PL-HTTP-ADDRESS': {
      cause: 'http.host names an address of another machine, or one that this machine has not got yet.',
      fix: 'Name one of its own as http.host.'
    },
    'PL-HTTP-LISTEN': {
      cause: 'The system refuses it, for instance a port below 1024 to a user who is not root.',
      fix: 'Choose another http.host or http.port.'
    },
    'PL-HTTP-TOKEN': {
      cause: 'The request has no bearer token, or another one than http.token.',
      fix: 'Send the header `authorization: Bearer <http.token>`.'
    },
    'PL-HTTP-PATH': {
      cause: 'painlens does not serve the path of the request.',
      fix: 'Ask for /live, /ready or /metrics.'
    },
    'PL-HTTP-REQUEST': {
      cause: 'The request is too large, too slow, or no HTTP that painlens takes.',
      fix: 'Send a plain GET without a body.'
    },
    'PL-HTTP-FAILED': {
      cause: 'painlens could not make its answer.',
      fix: 'Report it with the log, which says why.'
    },
    'PL-CLOCK-IMPOSSIBLE': {
      cause: 'The clock is not set, as on a box without a battery before it has network time.',
      fix: 'Run: sudo timedatectl set-ntp true, and see that the box reaches a time server.'
    },
    'PL-CLOCK-UNSYNCHRONISED': {
      cause: 'Nothing sets the clock; alarms may carry a wrong time.',
      fix: 'Run: sudo timedatectl set-ntp true, and see that the box reaches a time server.'
    },
    'PL-CLOCK-UNKNOWN': {
      cause:
        'None of timedatectl, adjtimex, chrony and systemd-timesyncd is there to say whether the clock is synchronised, as in a container.',
      fix: 'Run: sudo timedatectl set-ntp true, and see that the box reaches a time server.'
    },
    'PL-SYSTEMD-NOTIFY': {
      cause:
        'The program systemd-notify is missing or fails, so that systemd does not learn that painlens is ready and alive.',
      fix: 'Install systemd, or start painlens without Type=notify and WatchdogSec= in the unit.'
    },
    'PL-DISK-UNWRITABLE': {
      cause:
        'The folder of the outbox, of the alarm log or for heatmaps belongs to another user or lies on a full or read-only disk.',
      fix: "Give painlens's user the right to write there, free some space, or name another folder in the config."
    },
    'PL-DISK-FULL': {
      cause: 'The disk has so little room left that the outbox does not fit.',
      fix: 'Free some space, or name a folder on another disk in the config.'
    },
    'PL-DISK-LOW': {
      cause: 'The disk is nearly full: the alarms of a day without a broker may not fit.',
      fix: 'Free some space.'
    },
    'PL-PASSWORD-SHORT': {
      cause: 'A password this short stands in too many words to be blotted out of everything that is told.',
      fix: 'Take a longer one, of 12 characters or more, at the camera or the broker.'
    },
    'PL-PASSWORD-NAME': {
      cause: 'Passwords are blotted out wherever they stand, in names as well.',
      fix: 'Take another one at the camera or the broker.'
    }
  }
})
