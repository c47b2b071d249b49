import { errorArea } from './area.js'

const again = 'Take it again while the resident rests, alone in the picture, with the face free and in good light.'

export const referenceErrors = errorArea({
  title: 'Resting faces',
  about:
    'In the answer to the command `reference`, from `painlens reference`, and in the log (docs/operate/reference.md).',
  codes: {
    'PL-REFERENCE-OFF': {
      cause: 'alarm.reference.enabled is false, as it is unless the config says otherwise.',
      fix: 'Read docs/operate/reference.md, set alarm.reference.enabled to true, and restart painlens.'
    },
    'PL-REFERENCE-NO-RESTING': {
      cause: "The model's manifest has no `resting`: it was never measured what the model says of neutral faces.",
      fix: 'Measure it: painlens study evaluate DATA --model MODEL.yaml --write-resting, with neutral faces in DATA.'
    },
    'PL-REFERENCE-MODEL': {
      cause: 'The model was replaced; what another model says of a face at rest does not hold for this one.',
      fix: 'Take the resting faces again.'
    },
    'PL-REFERENCE-ZONE': {
      cause: 'The camera has no zone of that name in the config.',
      fix: 'Name one of those that the message lists, or leave the zone out where one person is in the picture.'
    },
    'PL-REFERENCE-NO-FACE': { cause: 'The face was away, covered, turned, blurred, small or in the dark.', fix: again },
    'PL-REFERENCE-SEVERAL': {
      cause: 'More than one face was in the picture, or in the zone, for more than a tenth of the time.',
      fix: "Take it when the resident is alone, or name the bed's zone."
    },
    'PL-REFERENCE-MOVES': {
      cause: 'The face moved, came nearer or went away, or another one took its place.',
      fix: again
    },
    'PL-REFERENCE-NOT-AT-REST': {
      cause: 'The expression changed: the resident talked, ate, laughed or grimaced.',
      fix: again
    },
    'PL-REFERENCE-PAIN': {
      cause:
        'The face scores alarm.reference.always_alarm or more even now. That may be pain, and a reference must not hide it.',
      fix: 'Have a nurse look whether the resident is in pain. If not, leave the reference out: such scores always alarm.'
    },
    'PL-REFERENCE-SHIFT': {
      cause:
        "The face is so far from the model's neutral faces that the reference would lower pain by more than alarm.reference.max_shift. That may be pain that is always there. In the log: max_shift, or `resting` of the manifest, was changed since it was taken.",
      fix: 'Have a nurse look whether the resident is in pain. If not, see to light and angle of the camera, or to another model.'
    },
    'PL-REFERENCE-ALARM': {
      cause:
        'An alarm for pain is active in the picture of this camera, and its last acknowledgement is not `false_alarm`. To say that nothing hurts is to say that this alarm is false.',
      fix: 'Go and look. If nothing hurts, acknowledge the alarm as false_alarm, then take it again.'
    },
    'PL-REFERENCE-LATE': {
      cause:
        'The command has come after its `not_after`: the box was off or away from the broker meanwhile, or the clocks of two boxes differ.',
      fix: 'Take it again while the resident is comfortable. If it stays, see to the clocks: painlens check names one that is not synchronised.'
    },
    'PL-REFERENCE-BUSY': {
      cause: 'One measurement at a time for each camera.',
      fix: 'Wait until the one that was begun before has ended.'
    },
    'PL-REFERENCE-REMOVED': {
      cause: 'While the face was looked at, a command to remove the resting face of this bed came.',
      fix: 'Ask who did, and why, before it is taken again.'
    },
    'PL-REFERENCE-NONE': { cause: 'None was taken there, or it was removed before.', fix: 'Nothing to do.' },
    'PL-REFERENCE-INTERRUPTED': {
      cause: 'The camera is paused, was lost, or gives frozen or dark pictures.',
      fix: 'Take it again when the camera is watched; `painlens check` says what is wrong with it.'
    },
    'PL-REFERENCE-UNREADABLE': {
      cause: 'The file was changed, belongs to another user, or is of a later version of painlens.',
      fix: 'Take the resting faces again; the file is replaced then.'
    },
    'PL-REFERENCE-UNWRITABLE': {
      cause: 'The disk is full or read-only, or the state folder belongs to another user.',
      fix: "Free some space, or give painlens's user the right to write there, and take it again."
    },
    'PL-REFERENCE-NOT-RUNNING': {
      cause: 'Only a running painlens sees the camera and keeps resting faces.',
      fix: 'Start painlens; behind sudo, or in its container, name the config that it runs with.'
    }
  }
})
