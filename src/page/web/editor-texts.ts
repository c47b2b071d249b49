/** The words of the editor of masks and zones. */
import type { LanguageCode } from '../../contract/languages/index.js'
import type { Fault } from './outlines.js'

export interface EditorTexts {
  open: string
  close: string
  title: (camera: string) => string
  hint: string
  noPicture: string
  none: string
  mask: (number: number) => string
  zone: (name: string) => string
  newZone: string
  zoneName: string
  addMask: string
  addZone: string
  addCorner: string
  removeCorner: string
  remove: (outline: string) => string
  undo: string
  redo: string
  corner: (outline: string, number: number, at: string) => string
  whole: (outline: string, at: string) => string
  /** In per cent of the picture. */
  at: (left: string, top: string) => string
  fault: (fault: Fault) => string
  yaml: string
  yamlHint: string
  unchanged: string
}

const en: EditorTexts = {
  open: 'Edit masks and zones',
  close: 'Close the editor',
  title: (camera) => `Masks and zones of ${camera}`,
  hint: 'Choose a mask or a zone. Drag its corners, or tap a corner and then the place where it should be. With the keyboard: Tab to a corner, arrow keys move it (with Shift in large steps), Delete removes it. The square moves the whole outline.',
  noPicture:
    'No picture is shown: the black area stands for the picture of the camera. Show the picture to see what you cover.',
  none: 'This camera has no masks and no zones.',
  mask: (number) => `Mask ${number}`,
  zone: (name) => `Zone ${name}`,
  newZone: 'bed',
  zoneName: 'Name of the zone',
  addMask: 'New mask',
  addZone: 'New zone',
  addCorner: 'Add a corner',
  removeCorner: 'Remove the corner',
  remove: (outline) => `Remove ${outline}`,
  undo: 'Undo',
  redo: 'Redo',
  corner: (outline, number, at) => `${outline}, corner ${number}: ${at}`,
  whole: (outline, at) => `${outline}, the whole outline: ${at}`,
  at: (left, top) => `${left} % from the left, ${top} % from the top`,
  fault: (fault) => {
    switch (fault.kind) {
      case 'few':
        return 'An outline needs three corners at least. Remove the whole outline instead.'
      case 'flat':
        return 'All corners would lie on one line, or nearly so.'
      case 'same':
        return `Corners ${fault.at[0] + 1} and ${fault.at[1] + 1} would lie in one place.`
      case 'crossing':
        return `The side after corner ${fault.at[0] + 1} would touch or cross the side after corner ${fault.at[1] + 1}.`
      case 'small':
        return 'The outline would be too small to cover anything.'
      case 'nameless':
        return 'A zone needs a name.'
      case 'name_placeholder':
        return 'The name of a zone cannot have ${ in it.'
      case 'name_twice':
        return `Another zone has the name ${fault.name} already.`
    }
  },
  yaml: 'For the config file',
  yamlHint:
    'Select these lines, copy them and put them in the place of masks and zones of this camera in the config file, then: sudo systemctl reload painlens. painlens does not write to the file, so your comments in it stay.',
  unchanged: 'Nothing was changed yet: this is what painlens has now.'
}

const de: EditorTexts = {
  open: 'Masken und Zonen bearbeiten',
  close: 'Editor schließen',
  title: (camera) => `Masken und Zonen von ${camera}`,
  hint: 'Eine Maske oder Zone wählen. Ihre Ecken ziehen, oder eine Ecke antippen und dann die Stelle, an die sie soll. Mit der Tastatur: mit Tab zu einer Ecke, Pfeiltasten bewegen sie (mit Umschalt in großen Schritten), Entf entfernt sie. Das Quadrat bewegt den ganzen Umriss.',
  noPicture:
    'Es wird kein Bild gezeigt: Die schwarze Fläche steht für das Bild der Kamera. Bild zeigen, um zu sehen, was verdeckt wird.',
  none: 'Diese Kamera hat keine Masken und keine Zonen.',
  mask: (number) => `Maske ${number}`,
  zone: (name) => `Zone ${name}`,
  newZone: 'bett',
  zoneName: 'Name der Zone',
  addMask: 'Neue Maske',
  addZone: 'Neue Zone',
  addCorner: 'Ecke einfügen',
  removeCorner: 'Ecke entfernen',
  remove: (outline) => `${outline} entfernen`,
  undo: 'Rückgängig',
  redo: 'Wiederholen',
  corner: (outline, number, at) => `${outline}, Ecke ${number}: ${at}`,
  whole: (outline, at) => `${outline}, ganzer Umriss: ${at}`,
  at: (left, top) => `${left} % von links, ${top} % von oben`,
  fault: (fault) => {
    switch (fault.kind) {
      case 'few':
        return 'Ein Umriss braucht mindestens drei Ecken. Stattdessen den ganzen Umriss entfernen.'
      case 'flat':
        return 'Alle Ecken lägen so gut wie auf einer Linie.'
      case 'same':
        return `Die Ecken ${fault.at[0] + 1} und ${fault.at[1] + 1} lägen an einer Stelle.`
      case 'crossing':
        return `Die Seite nach Ecke ${fault.at[0] + 1} würde die Seite nach Ecke ${fault.at[1] + 1} berühren oder kreuzen.`
      case 'small':
        return 'Der Umriss wäre zu klein, um etwas zu verdecken.'
      case 'nameless':
        return 'Eine Zone braucht einen Namen.'
      case 'name_placeholder':
        return 'Der Name einer Zone darf kein ${ enthalten.'
      case 'name_twice':
        return `Eine andere Zone heißt schon ${fault.name}.`
    }
  },
  yaml: 'Für die Konfigurationsdatei',
  yamlHint:
    'Diese Zeilen markieren, kopieren und an die Stelle von masks und zones dieser Kamera in die Konfigurationsdatei setzen, dann: sudo systemctl reload painlens. painlens schreibt nicht in die Datei, Ihre Kommentare darin bleiben.',
  unchanged: 'Noch nichts geändert: Das ist, was painlens jetzt hat.'
}

export const editorTexts: Record<LanguageCode, EditorTexts> = { en, de }
