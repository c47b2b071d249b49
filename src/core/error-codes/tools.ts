import { errorArea } from './area.js'

const npy = 'Explain the pictures again.'

export const toolErrors = errorArea({
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
    'PL-ALARMS-CAMERA': {
      cause: 'Neither the config nor the alarm log has a camera of the name after --camera.',
      fix: 'Name one of those that the message lists.'
    },
    'PL-FORGET-DEVICE': {
      cause: 'The name is no `device` of a config; in a topic, + and # would stand for every device.',
      fix: 'Name one device as its config has it: up to 40 of a-z, 0-9 and -.'
    },
    'PL-OPTION-COMPOSITE': {
      cause: "The name after --composite is not one of iNNvestigate's.",
      fix: 'Use all, or one or more of those that the message or --help names.'
    },
    'PL-OPTION-ENGINE': {
      cause: 'The name after --engine is not one of those that the message lists.',
      fix: 'Use one of those that the message lists.'
    },
    'PL-OPTION-TARGET': {
      cause: "What follows --target is neither one of the model's labels nor a contrast of them.",
      fix: 'Use one of the labels that the message lists, or a contrast such as "pain - disgust", with blanks around the sign.'
    },
    'PL-OPTION-GAMMA': {
      cause: 'What follows --gamma is no list of numbers from 0, or no composite has a use for it.',
      fix: 'Give a number such as 0.25, or several separated by commas, and --composite lrp.gamma or lrp.epsilon_gamma_box.'
    },
    'PL-OPTION-LOGIN': {
      cause: 'One of --user and --password is missing.',
      fix: 'Give both --user and --password (or PAINLENS_SIMULATE_PASSWORD), or neither.'
    },
    'PL-OPTION-SECONDS': {
      cause: "--seconds is shorter than the demo's script.",
      fix: 'Give at least as many seconds as the message says.'
    },
    'PL-OPTION-FACES': {
      cause: 'The word after --faces is not one of those that the message lists.',
      fix: 'Use largest or all.'
    },
    'PL-PICTURE-NONE': {
      cause: 'Nothing that was named is a picture or a folder with one; what is wrong with each stands above it.',
      fix: 'Name pictures, or folders with pictures: JPEG, PNG, WebP, GIF, TIFF, AVIF or SVG, whatever their names end in.'
    },
    'PL-PICTURE-FOLDER': {
      cause: 'It belongs to another user, or the disk fails. The other folders are done.',
      fix: 'Check its permissions.'
    },
    'PL-PICTURE-SEARCH': {
      cause:
        'A search for pictures there would take very long or never end: a folder of the kernel such as /proc, a link to a folder that holds the named one, such as /, or thousands of files that are no pictures.',
      fix: 'Name the folders that hold the pictures.'
    },
    'PL-PICTURE-UNREADABLE': {
      cause: 'The file is damaged, cut short, or named like a picture without being one.',
      fix: 'Get it again from where it came from, or save it again as JPEG or PNG.'
    },
    'PL-PICTURE-MISSING': {
      cause: 'No such file or folder, or a link to one that is gone.',
      fix: 'Check the name.'
    },
    'PL-PICTURE-FORBIDDEN': {
      cause: 'The file cannot be opened: it belongs to another user, or the disk fails; the message has the reason.',
      fix: 'Check its permissions.'
    },
    'PL-PICTURE-FORMAT': {
      cause:
        'It is a picture in a format that sharp cannot read, such as HEIC (telephones), BMP or a raw camera format, or one of numbers that are no colours until their range is known (a floating-point TIFF).',
      fix: 'Save it as JPEG or PNG.'
    },
    'PL-PICTURE-OTHER-FILE': {
      cause: 'The content of the file is no picture, whatever its name says.',
      fix: 'Name pictures, or leave it: it is passed over.'
    },
    'PL-PICTURE-SPECIAL-FILE': {
      cause: 'A FIFO, a socket or a device, from which reading may never end. Only regular files are read.',
      fix: 'Name a file that is on a disk; save first what comes out of a pipe.'
    },
    'PL-PICTURE-TOO-LARGE': {
      cause: 'The file or its picture is larger than painlens reads into memory; the message has the limit.',
      fix: 'Save the picture smaller, or as JPEG.'
    },
    'PL-PICTURE-NAME': {
      cause: "The file's name is longer than the system takes, or is not in UTF-8.",
      fix: 'Rename the file.'
    },
    'PL-PICTURE-TWICE': {
      cause: 'The file or folder was named twice, or is reached again through a link.',
      fix: 'Nothing needs to be done: it is taken once.'
    },
    'PL-PICTURE-RESULTS': {
      cause: 'The folder for the results lies within a folder of pictures.',
      fix: 'Nothing needs to be done: it is passed over. Name pictures in it one by one if they are to be explained.'
    },
    'PL-PICTURE-NO-FACE': {
      cause: 'No face, too small a face, or one that looks away.',
      fix: 'Take a picture with a larger or frontal face, or use --crop.'
    },
    'PL-PICTURE-NOT-USABLE': {
      cause:
        'A face is there, but too little of it is seen, or seen too badly, for what a model says of it to mean anything.',
      fix: 'Take a picture of a face that is larger, sharper, uncovered and seen from the front.'
    },
    'PL-PICTURE-ALL-FAILED': {
      cause: 'Each of them failed; what is wrong with each stands above it.',
      fix: 'Name pictures that show a face.'
    },
    'PL-OUT-FOLDER': {
      cause: 'The disk is full, or a file or a missing right is in the way, or its name is too long.',
      fix: 'Name a folder that you may write to with --out.'
    },
    'PL-OUT-NAME': {
      cause:
        'The file system of --out takes no names or paths as long as those of the results. The other pictures are done.',
      fix: 'Name a folder with a shorter path, or on another file system, with --out.'
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
      cause: 'A part of the demo, or a painlens that a bench needs, ended; what it said is in the message.',
      fix: 'Mend what the message says, and start again.'
    },
    'PL-DEMO-PART-ENDED': {
      cause: 'A part of the demo ended while the others went on.',
      fix: 'Look into its log.'
    }
  }
})
