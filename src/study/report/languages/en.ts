import { trapText } from '../../traps.js'
import { findingsEn } from './findings-en.js'
import { listing, pText, type ReportLanguage } from './language.js'

const number: ReportLanguage['number'] = (value, digits) => value.toFixed(digits).replace('-', '−')
const share = (value: number): string => `${number(100 * value, 0)}\u00a0%`
const p = (value: number | null): string => pText(value, number)
const pIs = (value: number | null): string => (value !== null && value < 0.001 ? 'p < 0.001' : `p = ${p(value)}`)

export const reportEn: ReportLanguage = {
  ...findingsEn,
  number,
  label: (name) => name,
  region: {
    brows: 'brows',
    eyes: 'eyes',
    nose: 'nose',
    nostrils: 'nostrils',
    nasolabial_folds: 'nasolabial folds',
    mouth: 'mouth',
    cheeks: 'cheeks',
    forehead: 'forehead',
    chin: 'chin',
    outside: 'outside the face'
  },
  page: {
    title: 'What the model learnt, and what it looks at',
    lead: ({ crops, subjects, folds, best, version, seed, key }) =>
      `${crops} pictures of ${subjects} subjects, each judged by one of ${folds} models, the one that never saw its subject. Where one model stands for all, it is that of fold ${best}, the most accurate one, as in the paper. painlens ${version}, seed ${seed}, run ${key}.`,
    noDevice:
      'This is research. Neither the model nor this report is a medical device, and neither says whether a person is in pain.',
    withoutPictures: 'All faces in this report are rendered; it shows no picture of a person.',
    withPictures: 'This report shows pictures of its data set. If these are of persons, keep it as their consent says.',
    files: 'Files:',
    training: 'For staff: judge faces first, then see what the model looks at',
    trap: (found) => `!Warning of the data: ${trapText(found)}`,
    warning: (text) => `!Warning of the data or the evaluation: ${text}`
  },
  data: {
    titles: { data: 'The data', classes: 'How good the model is', confusion: 'What it takes for what' },
    paper: 'paper',
    own: 'this study',
    head: {
      label: 'label',
      images: 'images',
      subjects: 'subjects',
      videos: 'videos',
      sources: 'sources',
      precision: 'precision',
      recall: 'recall',
      recallInterval: '95\u00a0% by subjects',
      f1: 'F1',
      whose: 'of',
      called: 'called',
      shown: 'shown',
      noFace: 'no usable face',
      share: 'share of the row'
    },
    mean: 'mean',
    table1: 'Table 1: images and subjects of each label',
    table2: 'Table 2: precision, recall and F1 of each label, over all folds',
    figure1: 'Figure 1: what was shown (rows), and what it was called (columns)',
    paperNote: 'Grey rows are the figures of Weitz et al. 2018 (BioVid, best of five folds), other data than these.',
    confusionNote:
      'Numbers of images; the colour is their share of the row. Below each number its share; in brackets, where it is known, the share in figure 1 of Weitz et al. 2018.',
    accuracy: ({ accuracy, balanced_accuracy, most_frequent, best, paper }) =>
      [
        `${share(accuracy.value ?? 0)} of the pictures are called right`,
        accuracy.subjects
          ? ` (95\u00a0%: ${share(accuracy.subjects.low)} to ${share(accuracy.subjects.high)} by drawing subjects)`
          : '',
        `; the mean of the labels’ recalls is ${share(balanced_accuracy.value ?? 0)}. `,
        most_frequent === null
          ? ''
          : `Calling everything what is most frequent would be right in ${share(most_frequent)}. `,
        best === null
          ? ''
          : `The best fold reaches ${share(best.accuracy)} of ${best.crops} pictures (95\u00a0%: ${share(best.wilson.low)} to ${share(best.wilson.high)}); the paper’s best fold ${share(paper)}, on other data.`
      ].join(''),
    guessing: (difference, value, subjects) =>
      value !== null && value < 0.05
        ? `Over ${subjects} subjects the mean recall is ${number(100 * Math.abs(difference), 1)} percentage points ${difference < 0 ? 'below' : 'above'} guessing (${pIs(value)}, signs of subjects flipped).`
        : `Over ${subjects} subjects the mean recall differs from guessing by ${number(100 * difference, 1)} percentage points, which may be chance (${pIs(value)}).`,
    differences: (found) =>
      found.length === 0
        ? 'That one label is recognised more often than another may be chance (p 0.05 or more for each pair).'
        : `Recognised more often: ${listing(
            found.map(
              (one) =>
                `${one.better} than ${one.worse} by ${number(100 * one.difference, 1)} percentage points (${pIs(one.p)})`
            ),
            'and'
          )}.`,
    confused: (said) =>
      said === null
        ? 'No picture is called by another label than its own.'
        : `The commonest confusion: ${share(said.share)} of the pictures of ${said.label} are called ${said.called}${
            said.paper === null ? '' : ` (in the paper ${share(said.paper)})`
          }.`
  }
}
