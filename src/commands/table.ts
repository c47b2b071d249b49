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
import { alarmsRow, cameraRows, config } from './camera-rows.js'
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
  parseRate,
  parseSeconds,
  parseShare,
  parseSide,
  parseSpan,
  parseWords,
  port
} from './parse.js'

const parseLayout = parseChoice(layoutNames)

/** The command line. */
export const commandTable: readonly CommandRow[] = [
  command({
    usage: 'run',
    summary: 'Run the daemon: cameras in, explained alarms out over MQTT.',
    options: [config],
    examples: ['painlens run', 'painlens run --config /etc/painlens/painlens.yaml'],
    load: async () => (await import('./run/index.js')).runCommand
  }),
  command({
    usage: 'demo',
    summary: 'Show the whole thing with a rendered resident, an own broker and the real daemon.',
    options: [
      ['--seconds <n>', 'end by itself, and fail unless every scripted pain gave exactly one alarm', parseSeconds],
      port('mqtt-port', 'where the embedded broker listens (default: a free port)'),
      port('rtsp-port', 'where the simulated camera serves (default: a free port)'),
      port('page-port', 'where the page is served (default: a free port)')
    ],
    examples: ['painlens demo', 'painlens demo --seconds 90', 'painlens demo --mqtt-port 1883 --rtsp-port 8554'],
    load: async () => (await import('../show/demo/demo.js')).demoCommand
  }),
  command({
    usage: 'check',
    summary: 'Check config, cameras, model, provider, broker, clock and disk; say how to fix each.',
    options: [config],
    examples: ['sudo painlens check', 'painlens check --config painlens.yaml'],
    load: async () => (await import('./check/index.js')).checkCommand
  }),
  command({
    usage: 'snapshot [camera]',
    summary: 'Write one frame of a camera as painlens sees it: masks, zones, and a box around each face.',
    options: [
      config,
      ['-o, --out <file>', 'the PNG to write, or its folder; - is standard output (default: CAMERA-TIME.png here)'],
      ['--force', 'overwrite what is there']
    ],
    notes: [
      'The running painlens gives the frame, and writes to its log that it was asked and by whom; a camera that is paused for',
      'care is not shown. Where none runs, the camera is opened for one picture. The camera may be left out where there is one.',
      'The file shows the room and its residents: it is readable for you alone (0600). Delete it when the camera hangs well.'
    ],
    examples: [
      'sudo painlens snapshot room-312',
      'sudo painlens snapshot room-312 --out /media/stick/before.png',
      'docker compose exec -T painlens painlens snapshot room-312 --out - > room-312.png'
    ],
    load: async () => (await import('./snapshot/index.js')).snapshotCommand
  }),
  ...cameraRows,
  { usage: 'config', summary: 'Write a first config.' },
  command({
    parent: 'config',
    usage: 'init',
    summary: 'Ask a few questions and write a commented config; passwords go elsewhere.',
    options: [
      ['-c, --config <file>', 'the file to write (default: $PAINLENS_CONFIG, else painlens.yaml here)'],
      ['--device <name>', "this box's name (default: the host's)"],
      ['--facility <name>', 'the care home'],
      ['--broker <url>', 'the MQTT broker (default: mqtt://localhost:1883)'],
      ['--broker-user <name>', 'the user name at the broker'],
      ['--camera <id=url...>', 'a camera; may be given more than once'],
      ['--room <id=room...>', 'the room of a camera that was given'],
      [
        '--secrets <place>',
        'where passwords go: file, credential, env or plain (default: file; credential below /etc)'
      ],
      ['-y, --yes', 'ask nothing: what is not given has its default'],
      ['--force', 'overwrite what is there']
    ],
    examples: [
      'painlens config init',
      'painlens config init --config /etc/painlens/painlens.yaml',
      'painlens config init --yes --device ward-3 --broker mqtt://192.0.2.2:1883 --camera room-312=rtsp://192.0.2.10/stream1'
    ],
    load: async () => (await import('./config/index.js')).configInitCommand
  }),
  alarmsRow,
  command({
    usage: 'backup <file>',
    summary: 'Save config, outbox with its pauses, and alarm log in one file, with the hash of the model.',
    options: [
      config,
      ['--secrets', 'save also the files with passwords that lie below the config, and a config with passwords in it'],
      ['--models', 'save also the model itself, not only its hash'],
      ['--force', 'overwrite what is there']
    ],
    notes: [
      'A running painlens is asked for its outbox and goes on. The file is readable for you alone (0600): it says who had pain, and when.'
    ],
    examples: [
      'sudo painlens backup /media/stick/ward-3.tar.gz',
      'sudo painlens backup ward-3.tar.gz --secrets --models'
    ],
    load: async () => (await import('./backup/index.js')).backupCommand
  }),
  command({
    usage: 'restore [file]',
    summary: 'Put back what painlens backup has saved: all of it, or nothing.',
    options: [config],
    notes: [
      'painlens must not run meanwhile. The alarm log and the outbox that are there are replaced. Without a file a restore that',
      'was interrupted is completed.'
    ],
    examples: ['sudo painlens restore /media/stick/ward-3.tar.gz --config /etc/painlens/painlens.yaml'],
    load: async () => (await import('./backup/restore.js')).restoreCommand
  }),
  command({
    usage: 'forget <device>',
    summary: 'Remove what the broker retains of a device that was renamed or removed.',
    options: [config],
    examples: ['sudo painlens forget ward-2-old'],
    load: async () => (await import('./forget/index.js')).forgetCommand
  }),
  command({
    usage: 'explain <images...>',
    summary: 'Classify and explain pictures: heatmaps, shares by facial region, a sentence.',
    options: [
      ['-o, --out <dir>', 'where PNGs and JSON go', undefined, 'explained'],
      ['-m, --model <manifest>', 'the model manifest (default: the demonstration model)'],
      [
        '--composite <names>',
        "the LRP composite, several behind commas, or all: those of the paper's figures",
        undefined,
        'lrp.sequential_preset_a_flat'
      ],
      [
        '--gamma <numbers>',
        'gamma of lrp.gamma and lrp.epsilon_gamma_box, or several behind commas, from the input to the output (default: 0.25)'
      ],
      [
        '--target <label>',
        'the label to explain, or a contrast: "pain - disgust" (default: the likeliest of each picture)'
      ],
      ['--engine <name>', 'what computes: onnx (ONNX Runtime), tfjs, or auto, which is onnx here', undefined, 'auto'],
      ['--faces <which>', 'the faces of each picture to explain: largest or all', undefined, 'largest'],
      ['--crop', 'the pictures are face crops already'],
      ['--check', 'test the explanations themselves instead of writing them: do they follow the model?']
    ],
    notes: [
      'Writes for each picture a heatmap, an overlay, the relevance as .npy and a JSON file; under several composites also',
      'grid.png, a row for each picture with its true and its predicted label. The true label is the name of the folder',
      "that holds the picture, where that is one of the model's labels, as in pictures/pain/07.png.",
      'Folders are searched at any depth; a file is a picture by its content. What is not explained is named, with the reason.',
      "Results of the same picture are replaced; those of others keep their files, and a new one's name gets a number.",
      '--check writes check.json instead, and ends with 1 if an explanation fails.'
    ],
    examples: [
      'painlens explain face.jpg --out explained',
      'painlens explain pictures/ --composite all --out figures',
      'painlens explain crops/ --crop --composite lrp.z,lrp.epsilon --target pain',
      'painlens explain pictures/ --composite all --check'
    ],
    load: async () => (await import('./explain/index.js')).explainCommand
  }),
  command({
    usage: 'simulate',
    summary: 'Serve the simulated camera alone, to test the way from camera to nurse call.',
    options: [
      port('rtsp-port', 'where to serve (default 8554)'),
      ['--host <address>', 'the address to listen on', undefined, '127.0.0.1'],
      ['--fps <n>', 'frames per second, 1 to 60 (default 5)', parseRate],
      ['--seconds <n>', 'end by itself', parseSeconds],
      ['--identity <n>', 'which rendered resident', parseCount],
      ['--user <name>', 'demand this user name (digest authentication)'],
      ['--password <password>', 'and this password; better in the environment as PAINLENS_SIMULATE_PASSWORD'],
      ['--json', 'one JSON object for each event on standard output']
    ],
    examples: ['painlens simulate', 'painlens simulate --host 0.0.0.0 --rtsp-port 8554'],
    load: async () => (await import('./simulate/index.js')).simulateCommand
  }),
  { usage: 'models', summary: 'Show which classifiers are there, or make one quicker.' },
  command({
    parent: 'models',
    usage: 'list',
    summary: 'List the classifiers and whether their files are what the manifests say.',
    examples: ['painlens models list'],
    load: async () => async () => (await import('./models/index.js')).modelsListCommand()
  }),
  command({
    parent: 'models',
    usage: 'quantise <manifest>',
    summary: "Make a classifier's int8 file, which judges two to three times as fast on a CPU.",
    options: [
      ['--crops <dir>', 'face crops to find the ranges of values by: what study prepare has written, or a folder'],
      ['-o, --out <file>', 'the new manifest; its int8 file goes beside it (default: NAME-int8.yaml)'],
      ['--force', 'overwrite what is there']
    ],
    notes: [
      'The new manifest names both files: put it into the config. Of the crops only ranges of values stay in the file.'
    ],
    examples: ['painlens models quantise run/final/model.yaml --crops data'],
    load: async () => (await import('./models/quantise.js')).modelsQuantiseCommand
  }),
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
  }),
  { usage: 'provider', summary: 'Install a build of ONNX Runtime with a GPU provider, or go back to the one before.' },
  command({
    parent: 'provider',
    usage: 'install <archive>',
    summary: 'Put an archive of deploy/jetson/onnxruntime/build.sh in place, if the classifier runs on it.',
    options: [
      ['-m, --model <manifest>', 'the classifier to prove it with (default: the demonstration model)'],
      ['-c, --config <file>', 'the config that names the classifier, instead of --model'],
      ['--no-proof', 'run nothing: for building images, where there is no GPU; painlens proves it at each start']
    ],
    notes: ['Nothing changes unless the classifier runs on it as on the CPU; docs/operate/provider.md tells more.'],
    examples: [
      'sudo painlens provider install painlens-onnxruntime-1.29.0-linux-arm64-cuda12.6.tar.gz',
      'sudo painlens provider install onnxruntime.tar.gz --model models/vgg-face-pain.yaml'
    ],
    load: async () => (await import('./provider/index.js')).providerInstallCommand
  }),
  command({
    parent: 'provider',
    usage: 'status',
    summary: 'Say which build is in place, which one before is kept, and whether the files are whole.',
    examples: ['painlens provider status'],
    load: async () => {
      const { providerStatusCommand } = await import('./provider/index.js')
      return () => providerStatusCommand()
    }
  }),
  command({
    parent: 'provider',
    usage: 'rollback',
    summary: 'Bring back the build before the last change, proved likewise.',
    options: [
      ['-m, --model <manifest>', 'the classifier to prove it with (default: the demonstration model)'],
      ['-c, --config <file>', 'the config that names the classifier, instead of --model']
    ],
    examples: ['sudo painlens provider rollback'],
    load: async () => (await import('./provider/index.js')).providerRollbackCommand
  })
]
