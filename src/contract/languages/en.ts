import type { RegionName } from '../../core/types.js'
import { type ExplainedLabels, enumerated, type Language, type NamedRegion, type Statement } from './language.js'

const alarm: Language['alarm'] = {
  conditions: {
    pain: { active: 'Pain suspected', over: 'Pain no longer suspected' },
    camera_lost: { active: 'Camera lost', over: 'Camera back' },
    camera_frozen: { active: 'Camera picture frozen', over: 'Camera picture live again' },
    camera_dark: { active: 'Camera picture dark or covered', over: 'Camera picture visible again' },
    camera_damaged: { active: 'Camera picture damaged', over: 'Camera picture whole again' },
    face_unusable: {
      active: 'Resident not watched, face cannot be judged',
      over: 'Face can be judged again, or is no longer in the picture'
    },
    nobody_seen: { active: 'No face seen for a long time', over: 'A face is seen again' },
    overloaded: {
      active: 'Box overloaded, faces are judged too seldom: alarms come late',
      over: 'Faces are judged often enough again'
    },
    inference_failed: { active: 'Faces cannot be analysed', over: 'Faces are analysed again' },
    explanation_failed: { active: 'Alarms come without explanation', over: 'Alarms are explained again' },
    outbox_full: { active: 'Too many undelivered alarms', over: 'Undelivered alarms are within bounds again' },
    outbox_failed: { active: 'Disk refuses alarms, they wait in memory only', over: 'Alarms are kept on disk again' },
    config_rejected: { active: 'The changed config was not taken over', over: 'The config was taken over' },
    clock_unsynchronised: { active: 'Clock not synchronised, times may be wrong', over: 'Clock synchronised again' },
    broker_lost: {
      active: 'No connection to the broker, alarms wait',
      over: (span) => `Connection to the broker is back: it was away for ${span}`
    },
    test: { active: 'Test alarm', over: 'Test alarm over' }
  },
  ended: {
    track_lost: 'alarm ended, face out of sight',
    person_uncertain: 'alarm ended, face out of sight, perhaps another person at its place',
    face_unusable: 'alarm ended, face cannot be judged',
    camera_lost: 'alarm ended, camera lost',
    camera_frozen: 'alarm ended, camera picture frozen',
    camera_dark: 'alarm ended, camera picture dark or covered',
    camera_damaged: 'alarm ended, camera picture damaged',
    camera_paused: 'alarm ended, camera paused',
    reconfigured: 'alarm ended, camera settings changed',
    stopped: 'alarm ended, painlens stopped',
    restarted: 'alarm ended, painlens had to restart'
  },
  place: { room: 'room', bed: 'bed', camera: 'camera' },
  demonstration: 'demonstration model',
  reference: {
    lowered: 'judged against the resting face of this bed',
    overruled: 'more than the resting face of this bed explains'
  }
}

const labels = new Map([
  ['pain', 'pain'],
  ['disgust', 'disgust'],
  ['happiness', 'happiness']
])

const regions: Record<RegionName, { name: string; plural: boolean }> = {
  brows: { name: 'the brows', plural: true },
  eyes: { name: 'the eyes', plural: true },
  nose: { name: 'the nose', plural: false },
  nostrils: { name: 'the nostrils', plural: true },
  nasolabial_folds: { name: 'the nasolabial folds', plural: true },
  mouth: { name: 'the mouth', plural: false },
  cheeks: { name: 'the cheeks', plural: true },
  forehead: { name: 'the forehead', plural: false },
  chin: { name: 'the chin', plural: false },
  outside: { name: 'parts outside the face', plural: true }
}

const labelled = (names: readonly string[], and: string): string =>
  enumerated(
    names.map((name) => labels.get(name) ?? `"${name}"`),
    and
  )

const impression = ({ labels: own, ratherThan }: ExplainedLabels): string =>
  labelled(own, 'and') + (ratherThan.length > 0 ? ` rather than ${labelled(ratherThan, 'or')}` : '')

const list = (named: readonly NamedRegion[]): string =>
  enumerated(
    named.map(({ region, percent }) => `${regions[region].name} (${percent} %)`),
    'and'
  )

const sayings: Record<Statement['kind'], (label: string, named: readonly NamedRegion[]) => string> = {
  mostly: (label, named) => `The model's impression of ${label} rests mostly on ${list(named)}`,
  many: (label, named) => `The model's impression of ${label} rests on many parts, most of all on ${list(named)}`,
  spread: (label) => `The model's impression of ${label} is spread over many parts, and none of them stands out`,
  none: (label) => `The model finds no part of the picture that speaks for ${label}`
}

const speaksAgainst = (region: RegionName): string => {
  const { name, plural } = regions[region]
  return `; ${name} ${plural ? 'speak' : 'speaks'} against it`
}

export const en: Language = {
  alarm,
  explanationOfLowered: 'The resting face of this bed has lowered the score; it changes nothing in this explanation.',
  explanation: (explained, { kind, regions: named, against, outweighed, unsteady, careful }) =>
    [
      sayings[kind](impression(explained), named),
      against ? speaksAgainst(against) : '',
      outweighed ? '; altogether more speaks against it than for it' : '',
      unsteady ? '; this changes noticeably when the picture is changed slightly' : '',
      careful ? '; be careful with it' : '',
      '.'
    ].join('')
}
