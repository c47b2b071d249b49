import { errorArea } from './area.js'

export const controlErrors = errorArea({
  title: 'Asking a running painlens',
  about:
    'Of the socket by which `painlens check`, `snapshot`, `reference` and `backup` ask a running painlens (docs/operate/supervision.md), and of pictures for technicians.',
  codes: {
    'PL-CONTROL-LISTEN': {
      cause: 'The folder of the socket is missing, is full or belongs to another user, or its path is too long.',
      fix: 'Under systemd let the unit have RuntimeDirectory=painlens; else see to the folder of outbox.path. It is tried again by itself.'
    },
    'PL-CONTROL-TAKEN': {
      cause: 'Two painlens have the same runtime folder.',
      fix: 'Give each its own RuntimeDirectory. It is tried again by itself.'
    },
    'PL-CONTROL-DENIED': {
      cause: 'The socket is for the user that runs painlens, and for root.',
      fix: 'Run the command as root (sudo), or as the user that runs painlens.'
    },
    'PL-CONTROL-SILENT': {
      cause: 'painlens hangs, or is being stopped.',
      fix: 'See its log (journalctl -u painlens); if it stays silent, restart it.'
    },
    'PL-CONTROL-ANSWER': {
      cause: 'The painlens that runs is of another version, or was stopped meanwhile.',
      fix: 'Try again; restart the running painlens where it is of another version.'
    },
    'PL-CONTROL-BUSY': { cause: 'Two pictures at a time are given at most.', fix: 'Try again in a few seconds.' },
    'PL-CONTROL-REQUEST': {
      cause: 'This version of painlens does not know the request.',
      fix: 'Use the commands of the version that runs, or restart painlens.'
    },
    'PL-CONTROL-STOPPING': {
      cause: 'painlens was told to stop, or the camera was taken out of its config.',
      fix: 'Try again when it runs.'
    },
    'PL-CONTROL-OTHER-SETTINGS': {
      cause:
        'The config was changed after the running painlens had read it, so that it watches this camera by its old settings.',
      fix: 'Let it read the config again: sudo systemctl reload painlens.'
    },
    'PL-CONTROL-NOT-YET': {
      cause:
        'The camera gives pictures now, and the running painlens waits before it tries the next time, after a refused login for minutes.',
      fix: 'Nothing to do: it tries again by itself, at once after sudo systemctl restart painlens.'
    },
    'PL-CONTROL-HELD': {
      cause:
        'A painlens that is still starting, that stops, that is older than this command, or whose socket cannot be reached from here.',
      fix: 'Try again in a minute. If it is one that was started by hand, stop it: an outbox is for one painlens.'
    },
    'PL-SNAPSHOT-CAMERA': {
      cause: 'The config has no camera of that name.',
      fix: 'Name one of those that the message or the config lists.'
    },
    'PL-SNAPSHOT-PAUSED': {
      cause: 'Staff have paused the camera for care: it is not looked at meanwhile.',
      fix: 'Wait until the pause is over, or let the staff end it.'
    },
    'PL-SNAPSHOT-NO-PICTURE': {
      cause: 'The camera is away, or its pictures are not looked at, because the detector is being started again.',
      fix: 'painlens check names what is wrong with the camera.'
    },
    'PL-SNAPSHOT-EXISTS': {
      cause: 'A file has the name of the picture to be written.',
      fix: 'Name another with --out, or add --force.'
    },
    'PL-SNAPSHOT-UNWRITABLE': {
      cause: 'The folder is missing, is read-only or belongs to another user, or the disk is full.',
      fix: 'Name a file in a folder that you may write to with --out.'
    },
    'PL-SNAPSHOT-TERMINAL': {
      cause: 'With --out - the picture goes to standard output, which is a terminal here.',
      fix: 'Let it go to a file or a program: painlens snapshot CAMERA --out - > picture.png.'
    }
  }
})
