import { errorArea } from './area.js'

export const pageErrors = errorArea({
  title: 'The page',
  about: 'Of the page for nurses and technicians (docs/operate/page.md): in the log, and in what its endpoints answer.',
  codes: {
    'PL-PAGE-FILES': {
      cause: 'The folder dist/page/web is missing: painlens was not built whole.',
      fix: 'Run npm run build, or install the release again.'
    },
    'PL-PAGE-STATE': {
      cause: 'The folder page.path is on a full or read-only disk, or belongs to another user.',
      fix: 'Make room, or name a folder that painlens may write to as page.path.'
    },
    'PL-PAGE-HISTORY': {
      cause: 'The folder page.path is on a full or read-only disk, or the history of a day has reached 16 MiB.',
      fix: 'Make room, or name a folder that painlens may write to as page.path. Recording goes on by itself; the time without it is shown as unknown.'
    },
    'PL-PAGE-PORT': {
      cause: 'Another program, or a second painlens, listens there.',
      fix: 'Choose another as page.port, or stop the other program. It is tried again by itself.'
    },
    'PL-PAGE-LISTEN': {
      cause: 'page.host is no address of this machine, or the system refuses the port.',
      fix: 'Choose another page.host or page.port. It is tried again by itself.'
    },
    'PL-PAGE-CERTIFICATE': {
      cause: 'A file of page.tls is missing or unreadable, is no PEM file, or the key is that of another certificate.',
      fix: 'Name a certificate and its key that the user of painlens can read. It is tried again by itself.'
    },
    'PL-PAGE-CERTIFICATE-END': {
      cause: 'The certificate of the page has ended, or ends within two weeks.',
      fix: 'Renew the file of page.tls.cert; painlens takes the new one within an hour. One that painlens made is renewed by a painlens that runs.'
    },
    'PL-PAGE-ORIGIN': {
      cause: 'A form or a script of another website, or a program that is no browser, has sent the request.',
      fix: 'Use the page itself.'
    },
    'PL-PAGE-SESSION': {
      cause: 'The login has run out after 12 hours, or a token of the config was changed.',
      fix: 'Log in again.'
    },
    'PL-PAGE-TOKEN': {
      cause: 'The token is not one of page.tokens.',
      fix: 'Type it again as the config has it; each wrong one makes the next wait longer, a minute at most.'
    },
    'PL-PAGE-WAIT': {
      cause: 'Wrong tokens have come from this address, or very many from anywhere, shortly before.',
      fix: 'Wait for the seconds that the answer names. In the meantime the right token is refused, too.'
    },
    'PL-PAGE-REQUEST': {
      cause: 'The page of this version makes no such request.',
      fix: 'Load the page again.'
    },
    'PL-PAGE-PICTURES': {
      cause: 'The config does not allow pictures on the page.',
      fix: 'Set privacy.show_pictures to true, if residents, their families and the staff representation agree.'
    },
    'PL-PAGE-LOOK': {
      cause: 'A picture is given for 10 minutes after a technician has asked for it.',
      fix: 'Ask for the pictures of that camera again.'
    },
    'PL-PAGE-WAY': {
      cause: 'The way to the nurse call is being tested already, by this or another technician.',
      fix: 'Wait until that test has ended, after three minutes at most.'
    },
    'PL-PAGE-FINDING': {
      cause: 'Cameras are being searched for already, by this or another technician.',
      fix: 'Wait until that search has ended, after a minute at most.'
    },
    'PL-PAGE-OTHER-BOX': {
      cause: 'The box that the page has sent a command to has refused it.',
      fix: 'See what its answer says, and the log of that box.'
    },
    'PL-PAGE-NO-ANSWER': {
      cause: 'The box is off or hangs, or the broker does not let the page send it commands.',
      fix: 'See to the box; docs/operate/page.md has the rights that the broker has to grant.'
    },
    'PL-PAGE-VIEWERS': {
      cause: 'As many browsers as painlens lets have the page open.',
      fix: 'Close it where it is not needed.'
    }
  }
})
