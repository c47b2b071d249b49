import { area } from './area.js'

const npy = 'Explain the pictures again.'

export const toolErrors = area({
  title: 'painlens explain, alarms, simulate, demo',
  about: 'Options and input files of these commands.',
  codes: {
    'PL-OUTPUT': {
      cause: 'The disk that standard output goes to is full, or fails.',
      fix: 'Free some space, or let the output go elsewhere.'
    },
    'PL-OPTION-VALUE': {
      cause: 'An option has a value that it does not take.',
      fix: 'See --help for the options.'
    },
    'PL-OPTION-TIME': {
      cause: 'The text after --since is neither a span nor a date.',
      fix: 'Say 90m, 12h or 7d, or a date such as 2026-01-31 or 2026-01-31T06:00.'
    },
    'PL-OPTION-COMPOSITE': {
      cause: "The name after --composite is none of iNNvestigate's.",
      fix: 'Use all, or one or more of those that the message or --help names.'
    },
    'PL-OPTION-ENGINE': {
      cause: 'The name after --engine is none of those that the message lists.',
      fix: 'Use one of those that the message lists.'
    },
    'PL-OPTION-TARGET': {
      cause: "The label after --target is none of the model's.",
      fix: 'Use one of the labels that the message lists.'
    },
    'PL-OPTION-LOGIN': {
      cause: 'One of --user and --password is missing.',
      fix: 'Give both --user and --password (or PAINLENS_SIMULATE_PASSWORD), or neither.'
    },
    'PL-OPTION-SECONDS': {
      cause: "--seconds is shorter than the demo's script.",
      fix: 'Give at least as many seconds as the message says.'
    },
    'PL-PICTURE-NONE': {
      cause: 'The folder has no JPEG or PNG files, or nothing was named.',
      fix: 'Name pictures, or folders with JPEG or PNG files.'
    },
    'PL-PICTURE-FOLDER': { cause: 'It belongs to another user.', fix: 'Check its permissions.' },
    'PL-PICTURE-UNREADABLE': {
      cause: 'No such file, or no picture in a format that sharp reads.',
      fix: 'Check the name, or save it again as JPEG or PNG.'
    },
    'PL-PICTURE-NO-FACE': {
      cause: 'No face, too small a face, or one that looks away.',
      fix: 'Take a picture with a larger or frontal face, or use --crop.'
    },
    'PL-PICTURE-ALL-FAILED': {
      cause: 'Each of them failed; what is wrong with each stands above it.',
      fix: 'Name pictures that show a face.'
    },
    'PL-OUT-FOLDER': {
      cause: 'The disk is full, or a file or a missing right is in the way.',
      fix: 'Name a folder that you may write to with --out.'
    },
    'PL-NPY': {
      cause:
        'A .npy file that an earlier step wrote was changed meanwhile, is cut short (often by a full disk), or is not a float32 array in C order.',
      fix: npy
    },
    'PL-SHUFFLE': {
      cause: 'The model keeps its weights in Constant nodes; --check shuffles initializers.',
      fix: 'Export the model with its weights as initializers, as torch.onnx and tf2onnx do.'
    },
    'PL-SIMULATE-PORT': {
      cause: 'Another program listens there, perhaps another painlens.',
      fix: 'Choose another one, or end the program that uses it.'
    },
    'PL-SIMULATE-PORT-FORBIDDEN': {
      cause: 'Ports below 1024 are for root.',
      fix: 'Choose a port above 1023.'
    },
    'PL-SIMULATE-ADDRESS': {
      cause: 'The system refuses the address.',
      fix: 'Name an address of this machine.'
    },
    'PL-SIMULATE-PATH': {
      cause: 'Two simulated cameras have one path.',
      fix: 'Give each its own.'
    },
    'PL-SIMULATE-FFMPEG': {
      cause:
        'The FFmpeg that plays the simulated camera failed, ended at once, or is too slow on this machine; its words are in the message.',
      fix: 'Check the size, the rate and the source of the pictures, and that this FFmpeg has libx264.'
    },
    'PL-SIMULATE-FRAME': {
      cause: 'The source of the pictures gave one of another size than it was asked for.',
      fix: 'Give pictures of the size that the feed was opened with.'
    },
    'PL-DEMO-PORT': {
      cause: 'Another program listens there, perhaps another painlens.',
      fix: 'Choose another with --mqtt-port, or stop the other program.'
    },
    'PL-DEMO-LISTEN': { cause: 'The system refuses the address or the port.', fix: 'Choose another port.' },
    'PL-DEMO-PART-FAILED': {
      cause: 'A part of the demo failed; what it said is in the message.',
      fix: 'See the message above.'
    },
    'PL-DEMO-PART-ENDED': {
      cause: 'A part of the demo ended while the others went on.',
      fix: 'Look into its log.'
    }
  }
})
