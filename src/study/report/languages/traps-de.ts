import type { Trap } from '../../traps.js'

/** In German, as `trapText` in English. @param nameOf a label in German */
export function trapDe(found: Trap, nameOf: (label: string) => string): string {
  switch (found.trap) {
    case 'missing_labels':
      return `Keine Zeile zeigt ${found.labels.map(nameOf).join(' oder ')}.`
    case 'too_few_labels':
      return `Study train braucht zwei Klassen oder mehr neben neutral, das kein Ausgang eines Modells ist: diese Daten haben ${found.labels.map(nameOf).join('') || 'keine'}.`
    case 'one_source': {
      const named = found.labels.map(({ label, source }) => `${nameOf(label).toUpperCase()} (${source})`).join(', ')
      return `JEWEILS NUR AUS EINER QUELLE: ${named}. Ein Modell kann statt des Ausdrucks die Quelle lernen (ihr Licht, ihre Kamera, ihren Raum), und keine Zahl verrät es.`
    }
    case 'rows_without_subject':
      return `${found.all ? 'KEINE ZEILE NENNT EINE PERSON' : `${found.rows} ZEILE(N) OHNE PERSON`}: jedes Bild oder Video zählt als eigene Person, so dass die Teile Personen nicht auseinanderhalten können und jede Zahl zu gut ausfällt.`
    case 'no_subjects':
      return 'DIE DATEN NENNEN KEINE PERSONEN: dieselbe Person kann unter denen sein, mit denen trainiert wurde, und unter denen, die beurteilt werden.'
    case 'several_spellings': {
      const rows = found.rows.length > 0 ? ` (zum Beispiel Zeilen ${found.rows.join(', ')})` : ''
      return `${found.names} NAME(N) VON PERSONEN IN MEHREREN SCHREIBWEISEN${rows}, die sich nur in Groß- und Kleinschreibung, Leerzeichen, Bindestrichen, Punkten, Unterstrichen oder Nullen vor Zahlen unterscheiden: wenn es dieselbe Person ist, die damit zugleich in Training und Test wäre, schreiben Sie sie gleich.`
    }
    case 'few_subjects':
      return `Nur ${found.subjects} Person(en): das ergibt höchstens ${found.subjects} Teile, üblich sind ${found.folds}. Geben Sie study train --folds an.`
    case 'single_subject':
      return `Nur eine Person zeigt ${nameOf(found.label)}: kein Teil kann mit dieser Klasse trainieren und sie prüfen.`
    case 'shared_names':
      return `${found.names} Name(n) von Personen stehen in mehreren Quellen: jeder gilt als eine Person.`
  }
}
