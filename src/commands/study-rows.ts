/** The rows of table.ts about painlens study. */
import { optimizerNames, trainFroms } from '../lib/train/choices.js'
import {
  cacheForms,
  layoutNames,
  neutralUses,
  paperComposites,
  reportLanguages,
  schedules,
  trainingProviders
} from '../study/choices.js'
import { type CommandRow, command } from './command.js'
import {
  choice,
  parseAlignment,
  parseAtLeastOne,
  parseBalance,
  parseChoice,
  parseCount,
  parseFolds,
  parseMoment,
  parseNumbers,
  parsePositive,
  parseShare,
  parseSide,
  parseSpan,
  parseWords
} from './parse.js'

const parseLayout = parseChoice(layoutNames)

export const studyRows: readonly CommandRow[] = [
  { usage: 'study', summary: 'Make a model from your own pictures, by the procedure of the paper.' },
  command({
    parent: 'study',
    usage: 'prepare',
    summary: 'Make a data set of face crops from pictures and videos.',
    options: [
      ['--table <file>', 'a CSV table with a header: file,subject,label and start_s,end_s,source,intensity'],
      ['--layout <name>', `a data set as it lies on disk: ${layoutNames.join(', ')}`, parseLayout],
      ['--root <dir>', "the data set's folder; with --table, what its files are relative to (default: its folder)"],
      ['--base <file>', 'the manifest of the model to be trained: crops get its size and alignment'],
      ['--size <pixels>', 'the side of the crops, instead of --base', parseSide],
      ['--alignment <shares>', 'distance and height of the eyes in them (default: 0.38,0.36)', parseAlignment],
      ['-o, --out <dir>', 'where the data set goes'],
      ['--from <s>', 'leave out so many seconds at the beginning of each clip', parseSpan, 0],
      ['--to <s>', 'end each clip so many seconds from its beginning, or below 0 from its end: --to=-0.5', parseMoment],
      ['--every <s>', 'one picture in so many seconds; 0 for all', parseSpan, 0.5],
      ['--dense', 'of videos of 60 s and more two pictures a second at least, left alone by --balance'],
      ['--balance <n>', 'crops of each class at most: a number, or smallest', parseBalance],
      ['--labels <names>', 'labels that are prepared', parseWords, ['pain', 'disgust', 'happiness', 'neutral']],
      ['--exclude <subjects...>', 'subjects that are left out, or @FILE with one a line'],
      ['--levels <list>', 'heat levels that are pain (biovid)', parseNumbers, [3, 4]],
      ['--pspi <n>', 'the PSPI from which on it is pain (unbc); between 0 and that is left out', parseSpan, 2],
      ['--rule <rules...>', 'a label from action units (disfa, bp4d): happiness=AU6>=2&AU12>=2'],
      ['--pseudonyms', 'call subjects and videos by numbers; biovid always does'],
      ['--skip-bad', 'leave out rows with a problem, instead of ending'],
      ['--seed <n>', 'for what --balance keeps, and pseudonyms', parseCount, 1],
      ['--workers <n>', 'worker threads; 0 is one for each core', parseCount, 0]
    ],
    notes: [
      'Tells all problems of the data before it begins, and goes on where it was stopped when the same command is given again.',
      'docs/study/prepare.md shows the table, the layouts and the data set that is written.'
    ],
    examples: [
      'painlens study prepare --table videos.csv --base models/vgg-face.yaml --out data',
      'painlens study prepare --layout biovid --root BioVid --from 2 --to=-0.5 --balance smallest --size 224 --out data'
    ],
    load: async () => (await import('./study/index.js')).studyPrepareCommand
  }),
  command({
    parent: 'study',
    usage: 'train <data>',
    summary: 'Fine-tune a model on a prepared data set: one for each fold of subjects, then one on all.',
    options: [
      ['--base <file>', 'the model to begin with: a manifest, or an ONNX file with --input'],
      ['--input <form>', 'how pictures become the input of an ONNX file: vggface, or a YAML file'],
      ['-o, --out <dir>', 'where models and figures go'],
      choice('train-from', 'layer', 'where training begins', trainFroms, 'fc7'),
      ['--folds <n>', 'how many folds, or subjects: one for each subject', parseFolds, 5],
      ['--epochs <n>', 'epochs of each fold at most', parseAtLeastOne, 10],
      ['--batch <n>', 'crops in a step', parseAtLeastOne, 128],
      ['--rate <n>', 'the learning rate at the start', parsePositive, 0.001],
      choice('schedule', 'name', 'the learning rate over the epochs', schedules, 'cosine'),
      choice('optimizer', 'name', 'how weights follow their gradients', optimizerNames, 'momentum'),
      ['--dropout <share>', 'of the values before dense layers', parseShare, 0.5],
      ['--smoothing <share>', 'label smoothing', parseShare, 0],
      ['--certain-from <intensity>', 'fainter crops are trained less towards their label, in proportion', parseSpan, 0],
      ['--patience <n>', 'end after so many epochs without gain', parseAtLeastOne, 3],
      ['--views <n>', 'of each crop: 2 adds its mirror image, more are shifted and lit', parseAtLeastOne, 2],
      choice(
        'cache',
        'form',
        'numbers of the features that are kept: float16 takes half the disk',
        cacheForms,
        'float32'
      ),
      choice('neutral', 'use', 'what neutral faces are trained towards', neutralUses, 'uniform'),
      ['--no-balance', 'let classes with more crops count more'],
      ['--alarm-label <label>', 'the label that alarms are for', undefined, 'pain'],
      ['--seed <n>', 'the same seed gives the same files on one machine and provider', parseCount, 1],
      ['--threads <n>', 'threads; 0 is one for each core', parseCount, 0],
      choice('provider', 'name', 'where it is computed', trainingProviders, 'auto')
    ],
    notes: [
      'Goes on where it was stopped when the same command is given again.',
      'final/model.yaml is the manifest for the daemon; the figures in it are those of the folds.'
    ],
    examples: [
      'painlens study train data --base models/vgg-face.yaml --out run',
      'painlens study train data --base vgg-face.onnx --input vggface --train-from fc6 --out run'
    ],
    load: async () => (await import('./study/index.js')).studyTrainCommand
  }),
  command({
    parent: 'study',
    usage: 'evaluate <data>',
    summary: 'Say how good a model is on a prepared data set, with tables, curves and what a ward would notice.',
    options: [
      ['--run <dir>', 'what study train has written: each crop by the model that never saw its subject'],
      ['-m, --model <manifest>', 'a model that judges every crop, instead of --run'],
      ['-o, --out <dir>', 'where the figures go; with --run they go into its folder evaluation'],
      ['-c, --config <file>', 'the config whose alarm settings count (default: those of a config without any)'],
      ['--write-resting', "write the model's outputs on neutral faces into its manifest"],
      ['--reference', "what each subject's own resting face would change; neutral faces are held out for it"],
      ['--repetitions <n>', 'samples of the bootstrap, flips of the tests', parseAtLeastOne, 2000],
      ['--seed <n>', 'the same seed gives the same intervals', parseCount, 1],
      ['--threads <n>', 'threads; 0 is one for each core', parseCount, 0]
    ],
    notes: [
      'Goes on where it was stopped when the same command is given again.',
      'docs/study/evaluate.md says what each figure is, and which of them to trust.'
    ],
    examples: [
      'painlens study evaluate data --run run',
      'painlens study evaluate data --model models/pain-demo.yaml --out evaluation',
      'painlens study evaluate data --model models/pain-demo.yaml --out evaluation --reference'
    ],
    load: async () => (await import('./study/evaluate.js')).studyEvaluateCommand
  }),
  command({
    parent: 'study',
    usage: 'report <run>',
    summary: 'Write what a model learnt and what it looks at as one HTML file, and a page for training staff.',
    options: [
      ['-o, --out <dir>', 'where the report goes'],
      ['--data <dir>', 'the data set, where it is not where study train read it'],
      choice('language', 'code', 'the language of the report', reportLanguages, 'en'),
      ['--with-pictures', 'show pictures of the persons in the data: only with their consent'],
      ['--pictures <n>', 'pictures of each label whose relevance is computed, at most', parseAtLeastOne, 120],
      ['--faces <n>', 'rendered persons that composites are proved with', parseAtLeastOne, 10],
      ['--composite <names>', 'composites of LRP, behind commas', parseWords, paperComposites],
      ['--repetitions <n>', 'samples of the bootstrap, flips of the tests', parseAtLeastOne, 2000],
      ['--seed <n>', 'the same seed gives the same report on one machine', parseCount, 1],
      ['--threads <n>', 'threads; 0 is one for each core', parseCount, 0]
    ],
    notes: [
      'Says before it begins how long explanations take, and how long with checks and examples; then how many of how many each part has done.',
      'Goes on where it was stopped when the same command is given again.',
      'docs/study/report.md says what each section shows, and what it does not.'
    ],
    examples: [
      'painlens study report run --out report',
      'painlens study report run --out bericht --language de --with-pictures'
    ],
    load: async () => (await import('./study/report.js')).studyReportCommand
  })
]
