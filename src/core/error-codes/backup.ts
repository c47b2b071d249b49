import { errorArea } from './area.js'

const again = 'Take another copy of the backup, or make it again.'

export const backupErrors = errorArea({
  title: 'painlens backup and restore',
  about:
    'Saving what a box holds, and bringing it back; see [backup.md](backup.md). After an error of `restore` what was there is in place, unless its text says otherwise.',
  codes: {
    'PL-BACKUP-EXISTS': {
      cause: 'A backup would replace a file, which may be an older backup.',
      fix: 'Give another name, or --force.'
    },
    'PL-BACKUP-UNWRITABLE': {
      cause: 'The disk is full or read-only, or the folder belongs to another user.',
      fix: 'Give a file in a folder that this user may write to.'
    },
    'PL-BACKUP-SECRETS': {
      cause: 'A backup without --secrets holds no passwords, and this config has one in its own text.',
      fix: 'Give --secrets; or write the password into a file, and name that file in the config instead (docs/operate/config.md).'
    },
    'PL-BACKUP-SOURCE': {
      cause: 'A file that is saved is missing, unreadable, too large for a backup, or changed meanwhile.',
      fix: 'See to the file that is named, and make the backup again.'
    },
    'PL-RESTORE-UNREADABLE': {
      cause: 'There is no such file, or this user may not read it.',
      fix: 'Correct the name or its permissions.'
    },
    'PL-RESTORE-DAMAGED': {
      cause: 'The file was cut or changed on its way, or is no backup of painlens.',
      fix: again
    },
    'PL-RESTORE-FORMAT': {
      cause:
        'It was made by another version of painlens whose backups have another form, or is an archive of something else.',
      fix: 'Restore it with the version that is named in it.'
    },
    'PL-RESTORE-CONFIG': {
      cause: 'This version of painlens does not take the config in the backup.',
      fix: 'Restore it with the version of painlens that made it.'
    },
    'PL-RESTORE-RUNNING': {
      cause: 'A running painlens would write to what is replaced.',
      fix: 'Stop it (sudo systemctl stop painlens), restore, and start it again.'
    },
    'PL-RESTORE-MODEL': {
      cause: 'Alarms would come from another model than the one of the backup.',
      fix: 'Install the model that is named first, or restore a backup that was made with --models where there is none.'
    },
    'PL-RESTORE-PLACE': {
      cause:
        'A path of the config in the backup leads to a link, out of the folders of the config and the state, or to a folder with files that are not of painlens.',
      fix: 'Move away what is there, or restore with a --config in another folder.'
    },
    'PL-RESTORE-SPACE': {
      cause: 'The backup is unpacked beside what is there, and both need room.',
      fix: 'Free some space on this disk.'
    },
    'PL-RESTORE-DISK': {
      cause: 'The disk refuses to write or rename, or a folder belongs to another user.',
      fix: 'Start the command as root (sudo) where painlens is a service; see that the disk has room and can be written.'
    },
    'PL-RESTORE-INTERRUPTED': {
      cause: 'A restore was killed between two files, and this user may not complete it.',
      fix: 'Without a file, sudo painlens restore completes it; then start painlens again.'
    }
  }
})
