import { fewestSubjects } from '../../../lib/statistics/index.js'
import { listing } from './language.js'
import type { ComparedPair, FindingWords, LeftOut, NamedDifference, Range } from './language-findings.js'

const one = (value: number): string => value.toFixed(1).replace('-', '−')
const two = (value: number): string => value.toFixed(2).replace('-', '−')
const percent = (value: number): string => `${(100 * value).toFixed(0)}\u00a0%`
const pIs = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`)
/** Rounded up, so that it holds. */
const atMost = (p: number): string => (p < 0.001 ? pIs(p) : `${pIs(Math.ceil(1000 * p) / 1000)} or less`)
const all = (names: readonly string[]): string => listing(names, 'and')
/** In points of a percentage that differs from zero by more than chance. */
const changed = (change: number): string =>
  Math.abs(change) < 0.05
    ? `less than ${one(0.1)} percentage points ${change < 0 ? 'down' : 'up'}`
    : `${change > 0 ? '+' : ''}${one(change)} percentage points`
const points = ({ low, high }: NamedDifference): string =>
  one(low) === one(high) ? one(high) : `${one(low)} to ${one(high)}`
const named = (list: readonly NamedDifference[]): string =>
  all(
    list.map(
      (each) =>
        `${each.region} (${points(each)} percentage points, 95\u00a0%: ${one(each.interval.low)} to ${one(each.interval.high)}, ${atMost(each.p)})`
    )
  )

const range = ({ low, high }: Range): string => (low === high ? String(low) : `${low} to ${high}`)

/** Labels stand for what their own pictures are called; where all are explained for the same, their pictures are compared. */
function namesOf({
  explained,
  label,
  other
}: ComparedPair): Record<'lead' | 'label' | 'other' | 'have' | 'its', string> {
  if (explained === 'own') return { lead: '', label, other, have: 'has', its: 'its' }
  const what = explained === 'alarm' ? label : `the contrast, what speaks for ${label} rather than for ${other}`
  return {
    lead: `Here each picture is explained for ${what}. `,
    label: `pictures of ${label}`,
    other: `pictures of ${other}`,
    have: 'have',
    its: 'their'
  }
}

const subjectsLeft = (subjects: number): string =>
  subjects === 0 ? 'no subject is left' : subjects === 1 ? 'one subject is left' : `${subjects} subjects are left`
const leftOut = ({ composite, of, counts, subjects }: LeftOut): string =>
  [
    `under ${composite}${of === '' ? '' : `, ${of}`}: `,
    all(counts.map((count) => `${count.leftOut} of ${count.pictures} pictures of ${count.label}`)),
    subjects === null ? '' : ` (${subjectsLeft(subjects)})`
  ].join('')

export const findingsEn: FindingWords = {
  leftOut: (said, lacking) =>
    said.length === 0
      ? []
      : [
          `Left out, since nothing in their maps ${lacking === 'positive' ? 'speaks for the explained output, so that there is no positive relevance to take shares of' : 'is other than zero'}: ${said.map(leftOut).join('; ')}. What is said of the others may not hold for these.`
        ],
  gate: {
    title: 'Which composites can be trusted',
    what: 'On rendered faces it is known what moves: one action unit is switched on, all else stays the same. A composite passes where relevance follows the output in the pixels that moved, and where what changes lies there; both by more than chance, over rendered persons. The sections below rest on those that pass; the others are shown in grey.',
    outcome: (passed, failed, persons) =>
      passed.length === 0
        ? `!Of ${failed.length} composites none passes on ${persons} rendered persons. What the sections below show under them is no finding about the model. Its answers to rendered faces may be too weak to judge by.`
        : `On ${persons} rendered persons ${all(passed)} ${passed.length === 1 ? 'passes' : 'pass'}${failed.length > 0 ? `; ${all(failed)} ${failed.length === 1 ? 'does' : 'do'} not` : ''}.`,
    few: (persons) =>
      `!Only ${persons} rendered ${persons === 1 ? 'person' : 'persons'}: intervals of so few say little, here and where action units are switched below. Give --faces 10 or more.`,
    figure: 'The gate: means over rendered persons with their 95\u00a0% intervals',
    follows: 'relevance follows the output (rank correlation)',
    lies: 'changes lie where pixels moved (1 is chance)',
    note: 'Grey: does not pass. The dashed line is what chance gives.'
  },
  regions: {
    title: 'Where relevance lies, label against label',
    what: (pictures, subjects) =>
      `Share of the positive relevance that lies in each region of the face, in ${pictures} pictures of ${subjects} subjects, each explained by the model that never saw its subject. Differences are of subjects’ means; p by flipping signs of subjects, corrected by the largest for all regions of a comparison, not for the number of comparisons; intervals by drawing subjects. Where several composites agree, words give the outermost of their differences and intervals, and the largest p. It says where the model looks, not where pain shows.`,
    figure: {
      own: 'Difference of the share of relevance by region; each picture explained for what it is called (pictures that are called right)',
      alarm: 'The same, with each picture explained for the alarm’s label',
      contrast:
        'The same, with each picture explained for the contrast: what speaks for the alarm’s label rather than for the other'
    },
    explained: { alarm: 'for the alarm’s label', contrast: 'contrast' },
    axis: 'difference in percentage points',
    note: 'Filled: p below 0.05 over all regions. Grey: the composite does not pass the gate. Lines: 95\u00a0% by subjects.',
    pair: (label, other) => `${label} − ${other}`,
    agree: ({ subjects, more, less, ...pair }) => {
      const { lead, label, other, have, its } = namesOf(pair)
      return `${lead}Over ${range(subjects)} subjects, under every composite that passes, ${label} ${have} ${[
        ...(more.length > 0 ? [`more of ${its} relevance than ${other} at ${named(more)}`] : []),
        ...(less.length > 0
          ? [`less${more.length > 0 ? '' : ` of ${its} relevance than ${other}`} at ${named(less)}`]
          : [])
      ].join(', and ')}.`
    },
    nothing: ({ subjects, ...pair }) => {
      const { lead, label, other } = namesOf(pair)
      return `${lead}Between ${label} and ${other}, over ${range(subjects)} subjects, there is no region in which all composites that pass differ in one direction by more than chance.`
    },
    untested: ({ composites, ...pair }) =>
      `${namesOf(pair).lead}Under ${all(composites)}, ${pair.label} cannot be held against ${pair.other}: fewer than ${fewestSubjects} subjects have maps of both. The next sentence is of the other composites.`,
    noSubject: 'no subject is left',
    tooFew: ({ subjects, ...pair }) =>
      `${namesOf(pair).lead}For ${pair.label} against ${pair.other} ${subjects === 0 ? 'no subject has' : subjects === 1 ? 'only one subject has' : `only ${subjects} subjects have`} pictures of both that are called right and whose relevance can be compared: too few for a test, which needs ${fewestSubjects}.`,
    disagree: ({ region, more, less, ...pair }) => {
      const { lead, label, other, have } = namesOf(pair)
      return `!${lead}Composites contradict each other at ${region}: ${label} ${have} more relevance there than ${other} under ${all(more)}, and less under ${all(less)}. Nothing can be said of this region.`
    },
    noGate: 'As no composite passes the gate, the differences are shown and not put into words.',
    misread: ({ label, other, subjects, pictures }) =>
      `Misread pictures of ${label} and ${other} (${pictures}) are apart${subjects === 0 ? '; no subject has some of both.' : `: their differences, of ${subjects === 1 ? 'one subject that has' : `${subjects} subjects that have`} some of both, are in the table’s file.`}`,
    table: 'Differences with p below 0.05, under composites that pass',
    none: 'none',
    head: {
      composite: 'composite',
      question: 'explained',
      reading: 'pictures',
      region: 'region',
      difference: 'points',
      interval: '95\u00a0% by subjects',
      p: 'p',
      subjects: 'subjects'
    }
  },
  maps: {
    title: 'Mean maps on the aligned face',
    what: 'Relevance of the pictures that are called right, each for its label, as a share of all its relevance: the mean over pictures of a subject, then over subjects. Red speaks for the label, blue against it. In the last columns the difference; outlined where neighbouring cells differ by more than chance (clusters, by flipping signs of subjects).',
    figure: 'Mean maps by composite, and differences',
    note: 'Each map is scaled by itself. Thin lines: the regions of the mean face. In grey: composites that do not pass the gate.',
    cluster: ({ composite, label, other, region, isMore, p, subjects }) =>
      `Under ${composite}, ${label} has ${isMore ? 'more' : 'less'} relevance than ${other} in a cluster that lies mostly here: ${region} (${pIs(p)}, ${subjects} subjects).`,
    none: (composites) =>
      composites.length === 0
        ? 'No composite passes the gate, so that clusters are drawn and not put into words.'
        : `Under ${all(composites)} there is no cluster that chance does not explain.`,
    tooFew: (subjects) =>
      `Clusters cannot be tested: ${subjects === 0 ? 'no subject has' : subjects === 1 ? 'only one subject has' : `only ${subjects} subjects have`} pictures of two labels that are called right, and a test needs ${fewestSubjects}.`
  },
  units: {
    title: 'What switching an action unit does',
    what: (persons) =>
      `The other way to ask: on faces of ${persons} rendered persons one action unit is switched on, and the output for the alarm’s label is watched. Beside it, how relevance for that label changes in the pixels that moved. It holds for rendered faces; how far the model takes them as it takes people is not known.`,
    figure:
      'Switching action units on: change of the probability (left), and of relevance in the pixels that moved (right)',
    output: 'probability, percentage points',
    relevance: 'relevance, % of all',
    pain: 'in a face in pain',
    strongest: ({ units, label }) =>
      `On a face at rest the probability of ${label} changes most with ${all(
        units.map(({ unit, points: change }) => `${unit} (${changed(change)})`)
      )}; of each the interval leaves out zero.`,
    nothing: (label) =>
      `No single action unit changes the probability of ${label} on a face at rest by more than chance.`,
    note: 'Grey: the interval contains zero. Lines: 95\u00a0% by drawing rendered persons.',
    inData: ({ columns, of, subjects, label }) =>
      columns.length === 0
        ? `Of ${of} tested ${of === 1 ? 'column' : 'columns'} of action units in the data none goes with the probability of ${label} by more than chance, within ${range(subjects)} subjects.`
        : `In the data themselves, within ${range(subjects)} subjects, the probability of ${label} goes with ${all(
            columns.map(({ column, correlation, p }) => `${column} (rank correlation ${two(correlation)}, ${pIs(p)})`)
          )}; so much of ${of} tested ${of === 1 ? 'column' : 'columns'} is more than chance. Where faces in pain are labelled by these units, or show them, a model that tells labels apart goes with them, too: whether it looks at them is another question.`,
    untestedColumns: ({ columns, of }) =>
      columns.length === of
        ? `The columns of action units in the data cannot be tested: in each of them the crops of fewer than ${fewestSubjects} subjects differ, and no p could fall below 0.05.`
        : `Not tested: ${all(columns)}, since the crops of fewer than ${fewestSubjects} subjects differ there, and no p could fall below 0.05.`,
    columns: 'Action units of the data (columns AU… of index.csv), and the probability of the alarm’s label',
    columnsNote: `Rank correlation within subjects, mean over subjects; 95\u00a0% by drawing subjects; p by flipping signs of subjects, corrected for all columns in which the crops of ${fewestSubjects} or more subjects differ; others are not tested (–). A correlation is no cause.`,
    columnsHead: ['column', 'correlation', '95\u00a0% by subjects', 'p', 'subjects'],
    beside: ({ composite, agree, of }) =>
      `In ${of} cases (a unit on a face at rest, or in a face in pain) switching changes the output before softmax by more than chance; relevance under ${composite} changes in the same direction in ${agree} of them.`
  },
  strategies: {
    title: 'More than one way to the same answer?',
    what: 'SpRAy (Lapuschkin et al. 2019): maps of a label’s pictures that are called right, grouped by likeness. A group that belongs to one subject or one source is a warning: the model may know them by something other than the expression (a Clever Hans). A group of one fold says that the folds’ models differ.',
    table: 'Groups of maps, and what is commonest in each',
    figure: (composite) => `Mean maps of the groups, under ${composite}`,
    head: {
      composite: 'composite',
      label: 'label',
      cluster: 'group',
      pictures: 'pictures',
      subject: 'subject',
      source: 'source',
      fold: 'fold'
    },
    warning: ({ composite, label, pictures, of, name, share }) =>
      `!Of ${label}, a group of ${pictures} maps under ${composite} is to ${percent(share)} of ${of} ${name}. Look at these pictures: the model may have learnt the ${of}.`,
    fine: (labels, sources) =>
      sources > 1
        ? `Of ${all(labels)} no group of maps belongs to one subject or one source.`
        : `Of ${all(labels)} no group of maps belongs to one subject. All pictures are of one source, so that nothing can be said of sources.`,
    tooFew: (labels) =>
      `Of ${all(labels)} there are too few pictures with maps that are called right (12 of a label) to group them.`
  },
  checks: {
    title: 'Checks of the explanations',
    what: 'Whether maps are numbers, keep the relevance they begin with, depend on the model, show what it uses, and agree between the folds’ models.',
    table: 'Checks by composite',
    figure: 'Pixel flipping: probability of the label while squares are removed',
    head: {
      composite: 'composite',
      maps: 'maps',
      notFinite: 'not finite',
      conserved: 'sum / output',
      shuffled: 'weights shuffled',
      agreement: 'folds agree (cosine)',
      gain: 'symmetric gain',
      flipping: 'better than random'
    },
    note: 'Sum / output: the relevance that arrives, by the output that it began with; 1 where no bias keeps any. Weights shuffled: how like the map is to the one of the whole model with shuffled weights; 1 is the same. Folds agree: 1 is the same map, 0 has nothing in common. Better than random: by how many standard errors (SE); 2 or more passes.',
    outcome: { changes: 'map changes', insensitive: 'changes too little', unchanged: 'map stays' },
    curves: {
      most: 'most relevant first',
      least: 'least relevant first',
      random: 'random order',
      probability: 'probability',
      removed: 'share of squares removed'
    },
    yes: 'yes',
    no: 'no',
    finite: (maps, notFinite) =>
      notFinite === 0
        ? `All ${maps} maps are finite numbers.`
        : `!${notFinite} values of ${maps} maps are no finite numbers; they count as 0.`,
    flipping: (passed, failed, pictures) =>
      [
        `On ${pictures} pictures, removing the most relevant squares first lowers the probability more than random orders do under ${passed.length > 0 ? all(passed) : 'none of the composites'}`,
        failed.length > 0 && passed.length > 0 ? `; not under ${all(failed)}` : '',
        '. The symmetric gain is the area between least and most relevant first: the larger, the better both ends of the map.'
      ].join(''),
    shuffling: (unchanged, insensitive) =>
      unchanged.length > 0
        ? `!Under ${all(unchanged)} maps stay the same when the model’s weights are shuffled: they do not explain this model.`
        : insensitive.length > 0
          ? `Under ${all(insensitive)} maps change little when weights are shuffled: they show the picture more than the model.`
          : 'Under every composite maps change when the model’s weights are shuffled.',
    agreement: (said) =>
      `On the same pictures the folds’ models agree by a mean cosine of ${all(
        said.map(({ composite, mean, lowest }) => `${two(mean)} under ${composite} (lowest picture ${two(lowest)})`)
      )}. All but one of them were trained on the picture’s subject.`
  },
  quiz: {
    title: 'What does this face show?',
    lead: 'Judge each face first. Then see what it shows, what the model calls it, and what it looks at: red speaks for its answer, blue against it.',
    rendered: 'All faces are rendered; no person is shown.',
    persons: 'Some faces are of persons: show this page only as their consent says.',
    keys: 'Keys: 1, 2, 3 … to judge, H for the heatmap, Enter to go on. Nothing is kept or sent.',
    page: {
      question: 'What does this face show?',
      face: 'a face to judge',
      heatmap: 'what the model looks at',
      shown: 'This face shows:',
      you: 'You said:',
      model: 'The model says:',
      toggle: 'Heatmap on or off (H)',
      next: 'Next face',
      finish: 'See the score',
      done: 'How often each was called right:',
      label: 'shown',
      faces: 'faces',
      yours: 'you',
      models: 'model',
      all: 'all',
      again: 'Again',
      caution: 'So few faces say little about anyone’s judgement, and less about the model in a ward.'
    }
  },
  examples: {
    title: 'Examples, explained by every composite',
    what: {
      rendered:
        'Rendered faces that no model was trained on, as the most accurate fold’s model calls them. They show how maps look; they are no finding about people.',
      persons:
        'Pictures of the most accurate fold, by its model, which never saw their subjects: of each label the surest that is called right, and the surest that is not.'
    },
    figure: {
      right: 'Figure 3: called right, with relevance for what they are called',
      wrong: 'Figure 4: called wrong, with relevance for what they are called',
      all: 'The same under every composite that needs no option'
    },
    shown: 'shows',
    called: 'called',
    none: { right: 'None of these faces is called right.', wrong: 'None of these faces is called wrong.' },
    notDrawn: (labels) =>
      `No face of ${listing(labels, 'or')} can be drawn, so none is shown here or on the page for staff; --with-pictures shows those of the data, with consent.`,
    noneOf: {
      right: (labels) => `No such face of ${listing(labels, 'or')} is called right.`,
      wrong: (labels) => `No such face of ${listing(labels, 'or')} is called wrong.`
    },
    note: 'Red speaks for what it is called, blue against it; each map is scaled by itself. Numbers are the probability of what it is called. In brackets: composites that do not pass the gate.',
    greyed: 'does not pass the gate'
  }
}
