/** The words about a bed's resting face. */
import type { LanguageCode } from '../../contract/languages/index.js'
import type { RoomReference } from '../wire.js'

export interface ReferenceTexts {
  title: (place: string) => string
  quieter: string
  notFor: string
  onlyIf: string
  how: string
  replaces: string
  bed: string
  take: string
  again: string
  looking: string
  taken: string
  refused: (why: string) => string
  heldSince: (time: string) => string
  state: Record<RoomReference['beds'][number]['state'], string>
  zone: (name: string) => string
  remove: string
  removeAsk: string
  removeAll: string
  removeYes: string
  cancel: string
  /** Why none can be taken now. */
  blocked: { alarm: string; unwatched: (state: string) => string; model: string }
  pastAlarm: string
  hide: string
  by: string
  /** By the code of the error; what is not in it is said as it came. */
  why: Readonly<Record<string, string>>
}

const en: ReferenceTexts = {
  title: (place) => `Is comfortable now: ${place}`,
  quieter:
    'painlens looks at the face for 30 s and from then on judges pain against it. That makes painlens quieter at this bed. If this face is in pain, that pain is hidden from then on.',
  notFor: 'Not for pain that is always there: chronic pain, a wound, the days after an operation.',
  onlyIf: 'Only if you have just been at the bed and nothing hurts. Your name stands beside it.',
  how: 'Then step out of the picture: for these 30 s the resident is alone in it, at rest, the face free, the light as usual.',
  replaces: 'It replaces the resting face that is there.',
  bed: 'Which bed?',
  take: 'Nothing hurts: take the resting face',
  again: 'Nothing hurts: try again',
  looking: 'The face is being looked at, for 30 s in all. It should rest, alone in the picture.',
  taken: 'Taken. From now on pain at this bed is judged against it.',
  refused: (why) => `Not taken. ${why}`,
  heldSince: (time) => `Resting face of ${time}, by `,
  state: {
    used: 'It is in use: painlens is quieter here.',
    suspended:
      'It is not used: another person may lie there, or the bed was empty for hours. If it stays so, take it anew or remove it.',
    expired: 'It is not used any more, since it is too old. Take it anew, or remove it.'
  },
  zone: (name) => `Bed: ${name}`,
  remove: 'Remove …',
  removeAsk: 'Remove it? painlens judges pain at this bed without it again, and may alarm more often.',
  removeAll:
    'Remove them? painlens judges pain at all beds in this picture without them again, and may alarm more often.',
  removeYes: 'Remove the resting face',
  cancel: 'Cancel',
  blocked: {
    alarm:
      'An alarm for pain is open here. Go and look. If nothing hurts, press False alarm on it first; then take the resting face.',
    unwatched: (state) => `No resting face can be taken now, since the room is not watched (${state}).`,
    model: 'The model that runs here cannot use resting faces.'
  },
  pastAlarm:
    'An earlier alarm of this room is not acknowledged yet. Was it looked at? A resting face is no answer to it.',
  hide: 'Hide',
  by: 'by',
  why: {
    'PL-REFERENCE-OFF': 'Resting faces are turned off there.',
    'PL-REFERENCE-NO-RESTING': 'The model that runs there cannot use resting faces. Tell the technician.',
    'PL-REFERENCE-ZONE': 'That bed is not set up any more. Load the page again.',
    'PL-REFERENCE-NO-FACE':
      'The face was not seen well enough: covered, turned away, too dark or away. Try again when it lies free in the light.',
    'PL-REFERENCE-SEVERAL': 'Several faces were in the picture. Try again when the resident is alone in it.',
    'PL-REFERENCE-MOVES': 'The face moved too much. Try again when the resident lies still.',
    'PL-REFERENCE-NOT-AT-REST': 'The face was not at rest: talking, eating, laughing. Try again later.',
    'PL-REFERENCE-PAIN':
      'The face looks like pain. Look whether the resident is in pain. If not, leave it: such faces always alarm.',
    'PL-REFERENCE-SHIFT':
      'The face is too far from what painlens takes for a face at rest. That may be pain that is always there: look, and ask the physician. If nothing hurts, tell the technician.',
    'PL-REFERENCE-ALARM':
      'An alarm for pain is open here. Go and look. If nothing hurts, press False alarm on it; then try again.',
    'PL-REFERENCE-LATE': 'The box got it too late. Try again; if it stays, tell the technician that the clocks differ.',
    'PL-REFERENCE-BUSY': 'A resting face is being taken there already.',
    'PL-REFERENCE-REMOVED': 'It was removed meanwhile. Ask who did, and why, before it is taken again.',
    'PL-REFERENCE-NONE': 'There is none any more.',
    'PL-REFERENCE-INTERRUPTED': 'The camera was paused, or gave no good picture. Try again when the room is watched.',
    'PL-REFERENCE-UNWRITABLE': 'It could not be kept, so it is not used. Tell the technician: the disk.',
    'PL-PAGE-NO-ANSWER': 'The box does not answer. Whether it was taken shows beside the room.',
    'PL-PAGE-OTHER-BOX': 'The box refused it.',
    'PL-PAGE-LINK': 'This page has no connection to painlens.',
    'PL-BROKER-NOT-CONNECTED': 'The box cannot be reached now.',
    'PL-CONTROL-STOPPING': 'painlens was stopped meanwhile. Try again.'
  }
}

const de: ReferenceTexts = {
  title: (place) => `Fühlt sich jetzt wohl: ${place}`,
  quieter:
    'painlens sieht das Gesicht 30 s lang an und misst Schmerz von da an daran. Dadurch wird painlens an diesem Bett leiser. Hat dieses Gesicht Schmerzen, bleiben sie von da an verborgen.',
  notFor: 'Nicht bei Schmerz, der immer da ist: chronischer Schmerz, eine Wunde, die Tage nach einer Operation.',
  onlyIf: 'Nur, wenn Sie gerade am Bett waren und nichts weh tut. Ihr Name steht dabei.',
  how: 'Bitte erst aus dem Bild treten: In diesen 30 s ist nur dieses Gesicht darin, in Ruhe, frei, das Licht wie sonst.',
  replaces: 'Es ersetzt das Ruhegesicht, das schon da ist.',
  bed: 'Welches Bett?',
  take: 'Nichts tut weh: Ruhegesicht aufnehmen',
  again: 'Nichts tut weh: noch einmal versuchen',
  looking: 'Das Gesicht wird angesehen, insgesamt 30 s. Es soll ruhen, allein im Bild.',
  taken: 'Aufgenommen. Von jetzt an wird Schmerz an diesem Bett daran gemessen.',
  refused: (why) => `Nicht aufgenommen. ${why}`,
  heldSince: (time) => `Ruhegesicht vom ${time}, von `,
  state: {
    used: 'Es gilt: painlens ist hier leiser.',
    suspended:
      'Es gilt zurzeit nicht: Vielleicht liegt jemand anderes dort, oder das Bett war stundenlang leer. Bleibt es so, bitte neu aufnehmen oder entfernen.',
    expired: 'Es gilt nicht mehr, weil es zu alt ist. Bitte neu aufnehmen oder entfernen.'
  },
  zone: (name) => `Bett: ${name}`,
  remove: 'Entfernen …',
  removeAsk: 'Entfernen? painlens beurteilt Schmerz an diesem Bett wieder ohne es und meldet vielleicht öfter.',
  removeAll:
    'Entfernen? painlens beurteilt Schmerz an allen Betten in diesem Bild wieder ohne sie und meldet vielleicht öfter.',
  removeYes: 'Ruhegesicht entfernen',
  cancel: 'Abbrechen',
  blocked: {
    alarm:
      'Hier ist ein Schmerzalarm offen. Bitte nachsehen gehen. Tut nichts weh, dort zuerst „Fehlalarm“ drücken, dann das Ruhegesicht aufnehmen.',
    unwatched: (state) => `Zurzeit geht es nicht, weil das Zimmer nicht beobachtet wird (${state}).`,
    model: 'Das Modell, das hier läuft, kann Ruhegesichter nicht nutzen.'
  },
  pastAlarm:
    'Ein früherer Alarm dieses Zimmers ist noch nicht bestätigt. Wurde nachgesehen? Ein Ruhegesicht ist keine Antwort darauf.',
  hide: 'Ausblenden',
  by: 'von',
  why: {
    'PL-REFERENCE-OFF': 'Ruhegesichter sind dort ausgeschaltet.',
    'PL-REFERENCE-NO-RESTING': 'Das Modell, das dort läuft, kann Ruhegesichter nicht nutzen. Bitte der Technik sagen.',
    'PL-REFERENCE-ZONE': 'Dieses Bett ist nicht mehr eingerichtet. Bitte die Seite neu laden.',
    'PL-REFERENCE-NO-FACE':
      'Das Gesicht war nicht gut genug zu sehen: verdeckt, abgewandt, zu dunkel oder nicht da. Noch einmal versuchen, wenn es frei im Licht liegt.',
    'PL-REFERENCE-SEVERAL': 'Mehrere Gesichter waren im Bild. Noch einmal versuchen, wenn nur eines darin ist.',
    'PL-REFERENCE-MOVES': 'Das Gesicht hat sich zu sehr bewegt. Noch einmal versuchen, wenn es ruhig liegt.',
    'PL-REFERENCE-NOT-AT-REST': 'Das Gesicht war nicht in Ruhe: Sprechen, Essen, Lachen. Später noch einmal versuchen.',
    'PL-REFERENCE-PAIN':
      'Das Gesicht sieht nach Schmerz aus. Bitte nachsehen, ob etwas weh tut. Wenn nicht, dabei lassen: Solche Gesichter melden immer.',
    'PL-REFERENCE-SHIFT':
      'Das Gesicht ist zu weit von dem entfernt, was painlens für ein ruhendes hält. Das kann Schmerz sein, der immer da ist: bitte nachsehen und ärztlich klären. Tut nichts weh, der Technik sagen.',
    'PL-REFERENCE-ALARM':
      'Hier ist ein Schmerzalarm offen. Bitte nachsehen gehen. Tut nichts weh, dort „Fehlalarm“ drücken, dann noch einmal versuchen.',
    'PL-REFERENCE-LATE':
      'Das Gerät hat es zu spät bekommen. Noch einmal versuchen; bleibt es so, der Technik sagen: Die Uhren gehen verschieden.',
    'PL-REFERENCE-BUSY': 'Dort wird schon ein Ruhegesicht aufgenommen.',
    'PL-REFERENCE-REMOVED': 'Es wurde inzwischen entfernt. Vor der nächsten Aufnahme bitte klären, von wem und warum.',
    'PL-REFERENCE-NONE': 'Es ist keines mehr da.',
    'PL-REFERENCE-INTERRUPTED':
      'Die Kamera war in einer Pause oder gab kein gutes Bild. Noch einmal versuchen, wenn das Zimmer beobachtet wird.',
    'PL-REFERENCE-UNWRITABLE': 'Es ließ sich nicht speichern und gilt nicht. Bitte der Technik sagen: die Festplatte.',
    'PL-PAGE-NO-ANSWER': 'Das Gerät antwortet nicht. Ob es aufgenommen wurde, steht beim Zimmer.',
    'PL-PAGE-OTHER-BOX': 'Das Gerät hat es abgelehnt.',
    'PL-PAGE-LINK': 'Diese Seite hat keine Verbindung zu painlens.',
    'PL-BROKER-NOT-CONNECTED': 'Das Gerät ist zurzeit nicht erreichbar.',
    'PL-CONTROL-STOPPING': 'painlens wurde inzwischen angehalten. Noch einmal versuchen.'
  }
}

export const referenceTexts: Record<LanguageCode, ReferenceTexts> = { en, de }
