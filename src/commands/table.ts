import { alarmsRow, cameraRows, config } from './camera-rows.js'
import { type CommandRow, command } from './command.js'
import { parseCount, parseRate, parseSeconds, port } from './parse.js'
import { studyRows } from './study-rows.js'

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
    options: [['-c, --config <file>', 'list also the classifier that this config names, and mark it']],
    examples: ['painlens models list', 'painlens models list --config /etc/painlens/painlens.yaml'],
    load: async () => async (options: { config: string | undefined }) =>
      (await import('./models/index.js')).modelsListCommand(options)
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
  ...studyRows,
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
