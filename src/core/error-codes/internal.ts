import { errorArea } from './area.js'

export const internalErrors = errorArea({
  title: 'painlens itself',
  about: 'Faults that no setting mends.',
  codes: {
    'PL-UNEXPECTED': {
      cause: 'An error that painlens has no words for: of painlens itself, of a library or of the system.',
      fix: 'This is unexpected; set PAINLENS_DEBUG=1 to see where it comes from, and report it.'
    },
    'PL-LOOP-HELD-UP': {
      cause:
        'The main thread of painlens was kept from running for more than 10 s: the machine is overloaded, or was suspended.',
      fix: 'systemd starts painlens again if it stays so; see what else runs on the machine, and give it fewer cameras or pictures a second.'
    },
    'PL-PACKAGE': {
      cause:
        'A package in the node_modules of this installation is missing or damaged: an update was interrupted, or the disk is.',
      fix: 'Install painlens again.'
    },
    'PL-INVARIANT': {
      cause: 'Something that painlens relies on within itself does not hold: a fault of painlens.',
      fix: 'Report this bug, with the log.'
    }
  }
})
