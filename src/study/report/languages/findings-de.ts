import { fewestSubjects } from '../../../lib/statistics/index.js'
import { listing } from './language.js'
import type { ComparedPair, FindingWords, LeftOut, NamedDifference, Range } from './language-findings.js'

const fixed = (value: number, digits: number): string => value.toFixed(digits).replace('-', '−').replace('.', ',')
const one = (value: number): string => fixed(value, 1)
const two = (value: number): string => fixed(value, 2)
const percent = (value: number): string => `${fixed(100 * value, 0)}\u00a0%`
const pIs = (p: number): string => (p < 0.001 ? 'p < 0,001' : `p = ${fixed(p, 3)}`)
/** Rounded up, so that it holds. */
const atMost = (p: number): string => (p < 0.001 ? pIs(p) : `${pIs(Math.ceil(1000 * p) / 1000)} oder weniger`)
const all = (names: readonly string[]): string => listing(names, 'und')
/** In points of a percentage that differs from zero by more than chance. */
const changed = (change: number): string =>
  Math.abs(change) < 0.05
    ? `weniger als ${one(0.1)} Prozentpunkte ${change < 0 ? 'abwärts' : 'aufwärts'}`
    : `${change > 0 ? '+' : ''}${one(change)} Prozentpunkte`
const points = ({ low, high }: NamedDifference): string =>
  one(low) === one(high) ? one(high) : `${one(low)} bis ${one(high)}`
const named = (list: readonly NamedDifference[]): string =>
  all(
    list.map(
      (each) =>
        `${each.region} (${points(each)} Prozentpunkte, 95\u00a0%: ${one(each.interval.low)} bis ${one(each.interval.high)}, ${atMost(each.p)})`
    )
  )

const range = ({ low, high }: Range): string => (low === high ? String(low) : `${low} bis ${high}`)

/** Labels stand for what their own pictures are called; where all are explained for the same, their pictures are compared. */
function namesOf({
  explained,
  label,
  other
}: ComparedPair): Record<'lead' | 'label' | 'other' | 'have' | 'its', string> {
  if (explained === 'own') return { lead: '', label, other, have: 'hat', its: 'seiner' }
  const what = {
    alarm: `${label} erklärt`,
    contrast: `den Kontrast erklärt, also dafür, was für ${label} statt für ${other} spricht`
  }[explained]
  return {
    lead: `Hier ist jedes Bild für ${what}. `,
    label: `Bilder von ${label}`,
    other: `Bilder von ${other}`,
    have: 'haben',
    its: 'ihrer'
  }
}

const subjectsLeft = (subjects: number): string =>
  subjects === 0 ? 'keine Person bleibt' : subjects === 1 ? 'eine Person bleibt' : `${subjects} Personen bleiben`
const leftOut = ({ composite, of, counts, subjects }: LeftOut): string =>
  [
    `unter ${composite}${of === '' ? '' : `, ${of}`}: `,
    all(counts.map((count) => `${count.leftOut} von ${count.pictures} Bildern von ${count.label}`)),
    subjects === null ? '' : ` (${subjectsLeft(subjects)})`
  ].join('')

export const findingsDe: FindingWords = {
  leftOut: (said, lacking) =>
    said.length === 0
      ? []
      : [
          `Ausgelassen, weil in ihren Karten nichts ${lacking === 'positive' ? 'für die erklärte Ausgabe spricht und es damit keine positive Relevanz gibt, von der Anteile zu nehmen wären' : 'von Null abweicht'}: ${said.map(leftOut).join('; ')}. Was über die übrigen gesagt wird, muss für diese nicht gelten.`
        ],
  gate: {
    title: 'Welchen Composites zu trauen ist',
    what: 'Bei gezeichneten Gesichtern ist bekannt, was sich bewegt: eine Action Unit wird eingeschaltet, alles andere bleibt gleich. Ein Composite besteht, wenn die Relevanz in den bewegten Pixeln der Ausgabe folgt und wenn das, was sich ändert, dort liegt; beides mehr als zufällig, über gezeichnete Personen. Die folgenden Abschnitte stützen sich auf die, die bestehen; die anderen sind grau.',
    outcome: (passed, failed, persons) =>
      passed.length === 0
        ? `!Von ${failed.length} Composites besteht bei ${persons} gezeichneten Personen keines. Was die folgenden Abschnitte unter ihnen zeigen, ist kein Befund über das Modell. Vielleicht sind seine Antworten auf gezeichnete Gesichter zu schwach, um danach zu urteilen.`
        : `Bei ${persons} gezeichneten Personen ${passed.length === 1 ? 'besteht' : 'bestehen'} ${all(passed)}${failed.length > 0 ? `, nicht aber ${all(failed)}` : ''}.`,
    few: (persons) =>
      `!Nur ${persons} gezeichnete ${persons === 1 ? 'Person' : 'Personen'}: Intervalle von so wenigen sagen kaum etwas, hier und unten, wo Action Units eingeschaltet werden. Geben Sie --faces 10 oder mehr an.`,
    figure: 'Die Prüfung: Mittel über gezeichnete Personen mit 95\u00a0%-Intervallen',
    follows: 'Relevanz folgt der Ausgabe (Rangkorrelation)',
    lies: 'Änderungen liegen, wo sich Pixel bewegten (1 ist Zufall)',
    note: 'Grau: besteht nicht. Gestrichelt: was der Zufall ergibt.'
  },
  regions: {
    title: 'Wo die Relevanz liegt, Klasse gegen Klasse',
    what: (pictures, subjects) =>
      `Anteil der positiven Relevanz in jeder Region des Gesichts, in ${pictures} Bildern von ${subjects} Personen, jedes erklärt von dem Modell, das diese Person nie gesehen hat. Unterschiede sind solche der Mittel von Personen; p durch Vertauschen der Vorzeichen von Personen, über die größte korrigiert für alle Regionen eines Vergleichs, nicht für die Zahl der Vergleiche; Intervalle durch Ziehen von Personen. Wo mehrere Composites übereinstimmen, nennen die Sätze die äußersten ihrer Unterschiede und Intervalle und das größte p. Das sagt, wohin das Modell schaut, nicht, wo Schmerz sich zeigt.`,
    figure: {
      own: 'Unterschied des Anteils der Relevanz je Region; jedes Bild erklärt für das, wie es genannt wird (richtig benannte Bilder)',
      alarm: 'Dasselbe, jedes Bild erklärt für die Klasse des Alarms',
      contrast:
        'Dasselbe, jedes Bild erklärt für den Kontrast: was für die Klasse des Alarms statt für die andere spricht'
    },
    explained: { alarm: 'für die Klasse des Alarms', contrast: 'Kontrast' },
    axis: 'Unterschied in Prozentpunkten',
    note: 'Gefüllt: p unter 0,05 über alle Regionen. Grau: das Composite besteht die Prüfung nicht. Linien: 95\u00a0% über Personen.',
    pair: (label, other) => `${label} − ${other}`,
    agree: ({ subjects, more, less, ...pair }) => {
      const { lead, label, other, have, its } = namesOf(pair)
      const relevance = `${its} Relevanz als ${other}`
      return `${lead}Über ${range(subjects)} Personen ${have} ${label} unter jedem Composite, das besteht, ${[
        ...(more.length > 0 ? [`mehr ${relevance} bei: ${named(more)}`] : []),
        ...(less.length > 0 ? [`weniger ${more.length > 0 ? '' : `${relevance} `}bei: ${named(less)}`] : [])
      ].join('; ')}.`
    },
    nothing: ({ subjects, ...pair }) => {
      const { label, other } =
        pair.explained === 'own' ? pair : { label: `Bildern von ${pair.label}`, other: `denen von ${pair.other}` }
      return `${namesOf(pair).lead}Zwischen ${label} und ${other} gibt es über ${range(subjects)} Personen keine Region, in der alle Composites, die bestehen, in dieselbe Richtung mehr als zufällig abweichen.`
    },
    untested: ({ composites, ...pair }) =>
      `${namesOf(pair).lead}Unter ${all(composites)} lässt sich ${pair.label} nicht mit ${pair.other} vergleichen: weniger als ${fewestSubjects} Personen haben Karten von beidem. Der nächste Satz gilt den anderen Composites.`,
    noSubject: 'keine Person bleibt',
    tooFew: ({ subjects, ...pair }) =>
      `${namesOf(pair).lead}Für ${pair.label} gegen ${pair.other} ${subjects === 0 ? 'hat keine Person' : subjects === 1 ? 'hat nur eine Person' : `haben nur ${subjects} Personen`} richtig benannte Bilder von beidem, deren Relevanz sich vergleichen lässt: zu wenige für einen Test, der ${fewestSubjects} braucht.`,
    disagree: ({ region, more, less, ...pair }) => {
      const { lead, label, other, have } = namesOf(pair)
      return `!${lead}Composites widersprechen sich bei ${region}: ${label} ${have} dort unter ${all(more)} mehr Relevanz als ${other}, unter ${all(less)} weniger. Über diese Region lässt sich nichts sagen.`
    },
    noGate: 'Da kein Composite die Prüfung besteht, werden die Unterschiede gezeigt, aber nicht in Worte gefasst.',
    misread: ({ label, other, subjects, pictures }) =>
      `Falsch benannte Bilder von ${label} und ${other} (${pictures}) stehen für sich${subjects === 0 ? '; keine Person hat welche von beidem.' : `: ihre Unterschiede, von ${subjects === 1 ? 'einer Person, die' : `${subjects} Personen, die`} welche von beidem ${subjects === 1 ? 'hat' : 'haben'}, stehen in der Datei der Tabelle.`}`,
    table: 'Unterschiede mit p unter 0,05, unter Composites, die bestehen',
    none: 'keine',
    head: {
      composite: 'Composite',
      question: 'erklärt',
      reading: 'Bilder',
      region: 'Region',
      difference: 'Punkte',
      interval: '95\u00a0% über Personen',
      p: 'p',
      subjects: 'Personen'
    }
  },
  maps: {
    title: 'Mittlere Karten auf dem ausgerichteten Gesicht',
    what: 'Relevanz der richtig benannten Bilder, jedes für seine Klasse, als Anteil an all seiner Relevanz: das Mittel über die Bilder einer Person, dann über Personen. Rot spricht für die Klasse, Blau dagegen. In den letzten Spalten der Unterschied; umrandet, wo benachbarte Zellen mehr als zufällig abweichen (Cluster, durch Vertauschen der Vorzeichen von Personen).',
    figure: 'Mittlere Karten je Composite, und Unterschiede',
    note: 'Jede Karte hat ihren eigenen Maßstab. Dünne Linien: die Regionen des mittleren Gesichts. Grau beschriftet: Composites, die die Prüfung nicht bestehen.',
    cluster: ({ composite, label, other, region, isMore, p, subjects }) =>
      `Unter ${composite} hat ${label} ${isMore ? 'mehr' : 'weniger'} Relevanz als ${other} in einem Cluster, der vor allem hier liegt: ${region} (${pIs(p)}, ${subjects} Personen).`,
    none: (composites) =>
      composites.length === 0
        ? 'Kein Composite besteht die Prüfung; Cluster werden gezeichnet, aber nicht in Worte gefasst.'
        : `Unter ${all(composites)} gibt es keinen Cluster, den der Zufall nicht erklärt.`,
    tooFew: (subjects) =>
      `Cluster lassen sich nicht prüfen: ${subjects === 0 ? 'keine Person hat' : subjects === 1 ? 'nur eine Person hat' : `nur ${subjects} Personen haben`} richtig benannte Bilder von zwei Klassen, und ein Test braucht ${fewestSubjects}.`
  },
  units: {
    title: 'Was das Einschalten einer Action Unit bewirkt',
    what: (persons) =>
      `Andersherum gefragt: In Gesichtern von ${persons} gezeichneten Personen wird eine Action Unit eingeschaltet und die Ausgabe für die Klasse des Alarms beobachtet. Daneben, wie sich die Relevanz für diese Klasse in den bewegten Pixeln ändert. Das gilt für gezeichnete Gesichter; wie weit das Modell sie wie Menschen nimmt, ist nicht bekannt.`,
    figure:
      'Action Units einschalten: Änderung der Wahrscheinlichkeit (links) und der Relevanz in den bewegten Pixeln (rechts)',
    output: 'Wahrscheinlichkeit, Prozentpunkte',
    relevance: 'Relevanz, % von allem',
    pain: 'im Gesicht mit Schmerz',
    strongest: ({ units, label }) =>
      `Im ruhenden Gesicht ändert sich die Wahrscheinlichkeit von ${label} am meisten mit ${all(
        units.map(({ unit, points: change }) => `${unit} (${changed(change)})`)
      )}; jedes dieser Intervalle lässt die Null aus.`,
    nothing: (label) =>
      `Keine einzelne Action Unit ändert die Wahrscheinlichkeit von ${label} im ruhenden Gesicht mehr als zufällig.`,
    note: 'Grau: das Intervall enthält die Null. Linien: 95\u00a0% durch Ziehen gezeichneter Personen.',
    inData: ({ columns, of, subjects, label }) =>
      columns.length === 0
        ? `Von ${of} geprüften ${of === 1 ? 'Spalte' : 'Spalten'} mit Action Units in den Daten geht, innerhalb von ${range(subjects)} Personen, keine mehr als zufällig mit der Wahrscheinlichkeit von ${label} einher.`
        : `In den Daten selbst geht, innerhalb von ${range(subjects)} Personen, die Wahrscheinlichkeit von ${label} mit ${all(
            columns.map(({ column, correlation, p }) => `${column} (Rangkorrelation ${two(correlation)}, ${pIs(p)})`)
          )} einher; so viel ist unter ${of} geprüften ${of === 1 ? 'Spalte' : 'Spalten'} mehr als Zufall. Wo Gesichter nach diesen Units als Schmerz bezeichnet sind oder sie dabei zeigen, geht ein Modell, das die Klassen unterscheidet, auch mit ihnen einher: ob es auf sie schaut, ist eine andere Frage.`,
    untestedColumns: ({ columns, of }) =>
      columns.length === of
        ? `Die Spalten mit Action Units in den Daten lassen sich nicht prüfen: in jeder von ihnen unterscheiden sich die Bilder von weniger als ${fewestSubjects} Personen, und kein p könnte unter 0,05 fallen.`
        : `Nicht geprüft: ${all(columns)}, da sich dort die Bilder von weniger als ${fewestSubjects} Personen unterscheiden und kein p unter 0,05 fallen könnte.`,
    columns: 'Action Units der Daten (Spalten AU… von index.csv) und die Wahrscheinlichkeit der Klasse des Alarms',
    columnsNote: `Rangkorrelation innerhalb von Personen, Mittel über Personen; 95\u00a0% durch Ziehen von Personen; p durch Vertauschen der Vorzeichen von Personen, korrigiert für alle Spalten, in denen sich die Bilder von ${fewestSubjects} oder mehr Personen unterscheiden; andere sind nicht geprüft (–). Eine Korrelation ist keine Ursache.`,
    columnsHead: ['Spalte', 'Korrelation', '95\u00a0% über Personen', 'p', 'Personen'],
    beside: ({ composite, agree, of }) =>
      `In ${of} Fällen (eine Unit im ruhenden Gesicht oder im Gesicht mit Schmerz) ändert das Einschalten die Ausgabe vor dem Softmax mehr als zufällig; in ${agree} davon ändert sich die Relevanz unter ${composite} in dieselbe Richtung.`
  },
  strategies: {
    title: 'Mehr als ein Weg zur selben Antwort?',
    what: 'SpRAy (Lapuschkin et al. 2019): Karten der richtig benannten Bilder einer Klasse, nach Ähnlichkeit gruppiert. Eine Gruppe, die zu einer Person oder einer Quelle gehört, ist eine Warnung: das Modell erkennt sie womöglich an etwas anderem als dem Ausdruck (ein Kluger Hans). Eine Gruppe aus einem Teil sagt, dass sich die Modelle der Teile unterscheiden.',
    table: 'Gruppen von Karten, und was in jeder am häufigsten ist',
    figure: (composite) => `Mittlere Karten der Gruppen, unter ${composite}`,
    head: {
      composite: 'Composite',
      label: 'Klasse',
      cluster: 'Gruppe',
      pictures: 'Bilder',
      subject: 'Person',
      source: 'Quelle',
      fold: 'Teil'
    },
    warning: ({ composite, label, pictures, of, name, share }) => {
      const what = of === 'subject' ? 'Person' : 'Quelle'
      return `!Bei ${label} stammt eine Gruppe von ${pictures} Karten unter ${composite} zu ${percent(share)} von ${what} ${name}. Sehen Sie sich diese Bilder an: das Modell könnte die ${what} gelernt haben.`
    },
    fine: (labels, sources) =>
      sources > 1
        ? `Bei ${all(labels)} gehört keine Gruppe von Karten zu einer Person oder einer Quelle.`
        : `Bei ${all(labels)} gehört keine Gruppe von Karten zu einer Person. Alle Bilder sind aus einer Quelle; über Quellen lässt sich deshalb nichts sagen.`,
    tooFew: (labels) =>
      `Von ${all(labels)} gibt es zu wenige richtig benannte Bilder mit Karten (12 je Klasse), um sie zu gruppieren.`
  },
  checks: {
    title: 'Prüfungen der Erklärungen',
    what: 'Ob die Karten Zahlen sind, die Relevanz behalten, mit der sie beginnen, vom Modell abhängen, zeigen, was es benutzt, und zwischen den Modellen der Teile übereinstimmen.',
    table: 'Prüfungen je Composite',
    figure: 'Pixel Flipping: Wahrscheinlichkeit der Klasse, während Quadrate entfernt werden',
    head: {
      composite: 'Composite',
      maps: 'Karten',
      notFinite: 'nicht endlich',
      conserved: 'Summe / Ausgabe',
      shuffled: 'Gewichte gemischt',
      agreement: 'Teile einig (Kosinus)',
      gain: 'symmetrischer Gewinn',
      flipping: 'besser als zufällig'
    },
    note: 'Summe / Ausgabe: die Relevanz, die ankommt, geteilt durch die Ausgabe, mit der sie beginnt; 1, wo kein Bias etwas behält. Gewichte gemischt: wie ähnlich die Karte der des ganzen Modells mit gemischten Gewichten ist; 1 ist dieselbe. Teile einig: 1 ist dieselbe Karte, 0 hat nichts gemeinsam. Besser als zufällig: um wie viele Standardfehler (SE); ab 2 bestanden.',
    outcome: { changes: 'Karte ändert sich', insensitive: 'ändert sich zu wenig', unchanged: 'Karte bleibt' },
    curves: {
      most: 'relevanteste zuerst',
      least: 'unwichtigste zuerst',
      random: 'zufällig',
      probability: 'Wahrscheinlichkeit',
      removed: 'Anteil entfernter Quadrate'
    },
    yes: 'ja',
    no: 'nein',
    finite: (maps, notFinite) =>
      notFinite === 0
        ? `Alle ${maps} Karten bestehen aus endlichen Zahlen.`
        : `!${notFinite} Werte von ${maps} Karten sind keine endlichen Zahlen; sie zählen als 0.`,
    flipping: (passed, failed, pictures) =>
      [
        `In ${pictures} Bildern senkt es die Wahrscheinlichkeit mehr als zufällige Reihenfolgen, die relevantesten Quadrate zuerst zu entfernen, unter ${passed.length > 0 ? all(passed) : 'keinem der Composites'}`,
        failed.length > 0 && passed.length > 0 ? `; nicht unter ${all(failed)}` : '',
        '. Der symmetrische Gewinn ist die Fläche zwischen unwichtigsten und relevantesten zuerst: je größer, desto besser beide Enden der Karte.'
      ].join(''),
    shuffling: (unchanged, insensitive) =>
      unchanged.length > 0
        ? `!Unter ${all(unchanged)} bleiben die Karten gleich, wenn die Gewichte des Modells gemischt werden: sie erklären dieses Modell nicht.`
        : insensitive.length > 0
          ? `Unter ${all(insensitive)} ändern sich die Karten wenig, wenn Gewichte gemischt werden: sie zeigen das Bild mehr als das Modell.`
          : 'Unter jedem Composite ändern sich die Karten, wenn die Gewichte des Modells gemischt werden.',
    agreement: (said) =>
      `In denselben Bildern stimmen die Modelle der Teile mit einem mittleren Kosinus von ${all(
        said.map(
          ({ composite, mean, lowest }) => `${fixed(mean, 2)} unter ${composite} (niedrigstes Bild ${fixed(lowest, 2)})`
        )
      )} überein. Alle bis auf eines wurden mit der Person des Bildes trainiert.`
  },
  quiz: {
    title: 'Was zeigt dieses Gesicht?',
    lead: 'Urteilen Sie zuerst selbst. Dann sehen Sie, was das Gesicht zeigt, wie das Modell es nennt und worauf es schaut: Rot spricht für seine Antwort, Blau dagegen.',
    rendered: 'Alle Gesichter sind gezeichnet; kein Mensch ist zu sehen.',
    persons: 'Manche Gesichter sind von Menschen: zeigen Sie diese Seite nur so, wie deren Einwilligung es sagt.',
    keys: 'Tasten: 1, 2, 3 … zum Urteilen, H für die Heatmap, Eingabe für weiter. Nichts wird gespeichert oder gesendet.',
    page: {
      question: 'Was zeigt dieses Gesicht?',
      face: 'ein Gesicht zum Beurteilen',
      heatmap: 'worauf das Modell schaut',
      shown: 'Dieses Gesicht zeigt:',
      you: 'Sie sagten:',
      model: 'Das Modell sagt:',
      toggle: 'Heatmap an oder aus (H)',
      next: 'Nächstes Gesicht',
      finish: 'Zum Ergebnis',
      done: 'Wie oft jede Klasse richtig genannt wurde:',
      label: 'gezeigt',
      faces: 'Gesichter',
      yours: 'Sie',
      models: 'Modell',
      all: 'alle',
      again: 'Noch einmal',
      caution: 'So wenige Gesichter sagen wenig über ein Urteil und noch weniger über das Modell auf einer Station.'
    }
  },
  examples: {
    title: 'Beispiele, von jedem Composite erklärt',
    what: {
      rendered:
        'Gezeichnete Gesichter, mit denen kein Modell trainiert wurde, so wie das Modell des genauesten Teils sie nennt. Sie zeigen, wie Karten aussehen; ein Befund über Menschen sind sie nicht.',
      persons:
        'Bilder des genauesten Teils, von dessen Modell, das diese Personen nie gesehen hat: je Klasse das sicherste richtig benannte und das sicherste falsch benannte.'
    },
    figure: {
      right: 'Abbildung 3: richtig benannt, mit der Relevanz für das, wie sie genannt werden',
      wrong: 'Abbildung 4: falsch benannt, mit der Relevanz für das, wie sie genannt werden',
      all: 'Dieselben unter jedem Composite, das keine Option braucht'
    },
    shown: 'zeigt',
    called: 'genannt',
    none: {
      right: 'Keines dieser Gesichter wird richtig benannt.',
      wrong: 'Keines dieser Gesichter wird falsch benannt.'
    },
    notDrawn: (labels) =>
      `Gesichter mit ${listing(labels, 'oder')} lassen sich nicht zeichnen und fehlen daher hier und auf der Seite für das Team; --with-pictures zeigt, mit Einwilligung, die der Daten.`,
    noneOf: {
      right: (labels) => `Von ${listing(labels, 'und')} wird kein solches Gesicht richtig benannt.`,
      wrong: (labels) => `Von ${listing(labels, 'und')} wird kein solches Gesicht falsch benannt.`
    },
    note: 'Rot spricht für das, wie es genannt wird, Blau dagegen; jede Karte hat ihren eigenen Maßstab. Zahlen sind die Wahrscheinlichkeit dessen, wie es genannt wird. In Klammern: Composites, die die Prüfung nicht bestehen.',
    greyed: 'besteht die Prüfung nicht'
  }
}
