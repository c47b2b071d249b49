import { errorArea } from './area.js'

export const inferenceErrors = errorArea({
  title: 'Inference and explanation',
  about: 'In the log, and in the alarms `inference_failed` and `explanation_failed`.',
  codes: {
    'PL-INFERENCE-FAILED': {
      cause: 'ONNX Runtime failed while classifying, mostly for lack of memory; the text is its own.',
      fix: 'Where it speaks of memory or allocation, free some; else check the model with painlens check, and with a GPU try inference.provider: cpu.'
    },
    'PL-INFERENCE-NOT-FINITE': {
      cause: 'The model gave a score that is no finite number: a faulty GPU or memory, or a model that overflows.',
      fix: 'Run painlens check; with a GPU, try inference.provider: cpu. If it stays, export the model in float32.'
    },
    'PL-INFERENCE-STUCK': {
      cause:
        'An inference has been at work for far longer than any takes: native code hangs, or the machine is overloaded.',
      fix: 'systemd starts painlens again.'
    },
    'PL-WORKER-CRASHED': {
      cause: 'A worker thread ended with an error, such as a lack of memory, or by itself.',
      fix: 'If it comes back, see whether memory is short, and report it with the log.'
    },
    'PL-WORKER-LOST': {
      cause: 'A worker thread died again and again; painlens ends.',
      fix: 'systemd starts painlens again; if it comes back, see whether memory is short, and report it with the log.'
    },
    'PL-WORKER-CLOSED': {
      cause: 'Something was asked of a worker that is being stopped.',
      fix: 'Nothing to do: painlens is stopping.'
    },
    'PL-EXPLAIN-NO-ENGINE': {
      cause: 'Both LRP engines failed with this model; the text says why of each.',
      fix: 'Do what the texts say; where they speak of memory or allocation, free some, or set explanation.engine to onnx, which needs less than auto.'
    },
    'PL-EXPLAIN-ENGINES-DIFFER': {
      cause:
        'One of the two computes wrongly with this model on this machine; a wrong explanation would be worse than none.',
      fix: 'Check the model and the composite with painlens explain, then name the engine that is right.'
    },
    'PL-EXPLAIN-LOST': {
      cause:
        'The worker thread that explains died or could not be opened again and again, or the session that it shared with the classifier was opened again without it. Alarms come without explanation meanwhile.',
      fix: 'painlens tries again, after a minute at first and after an hour at last. The text says why it failed; where memory or disk is short, free some, or set explanation.engine to onnx and explanation.session to shared, which need the least.'
    },
    'PL-EXPLAIN-FAILED': {
      cause: 'The engine failed with this picture, mostly for lack of memory; the text is its own.',
      fix: 'Where it speaks of memory or allocation, free some; else try the model and the composite with painlens explain.'
    },
    'PL-EXPLAIN-NOT-FINITE': {
      cause: 'The engine computed a relevance that is not a number: a model with extreme weights, or a faulty GPU.',
      fix: 'Try the model and the composite with painlens explain, or set explanation.engine to tfjs.'
    },
    'PL-EXPLAIN-UNWRITABLE': {
      cause: 'A heatmap cannot be saved; alarms go on.',
      fix: 'See whether the disk is full and the folder may be written to.'
    },
    'PL-EXPLAIN-FOLDER': {
      cause: 'The folder of privacy.save_heatmaps_to cannot be made.',
      fix: 'Name a folder that painlens may write to in privacy.save_heatmaps_to.'
    },
    'PL-LRP-NODE': {
      cause: 'LRP has rules for a part of ONNX only; this node is outside it.',
      fix: 'Export the classifier with plain convolutions and dense layers, and only the operators that the message names; or set explanation.enabled to false.'
    },
    'PL-LRP-MODEL': {
      cause: 'The model is not a classifier of one picture.',
      fix: 'Export a classifier with one float32 input of fixed size; only the batch may be free.'
    },
    'PL-LRP-COMPOSITE': {
      cause: 'A program that uses the library painlens/lrp, or the option --composite, asks for what there is not.',
      fix: 'Use one of the composites and options that the message names; docs/operate/config.md lists the composites.'
    },
    'PL-LRP-CALL': {
      cause: 'A program that uses the library painlens/lrp calls it wrongly.',
      fix: 'Give engine, picture and target as the message says.'
    },
    'PL-LRP-CLOSED': {
      cause: 'A program that uses the library painlens/lrp asks an explainer that it has closed.',
      fix: 'Create another one.'
    },
    'PL-LRP-RUN': {
      cause: 'ONNX Runtime failed with the graph that computes LRP; the text is its own.',
      fix: 'Where it speaks of memory or allocation, free some, or with a GPU set inference.provider to cpu; else set explanation.engine to tfjs.'
    },
    'PL-LRP-OPEN': {
      cause: "ONNX Runtime does not take the graph, mostly for lack of memory, or of a GPU's; the text is its own.",
      fix: 'Where it speaks of memory or allocation, free some (docs/operate/sizing.md says what it takes), or with a GPU set inference.provider to cpu; else set explanation.engine to tfjs.'
    },
    'PL-LRP-FOLDER': {
      cause: 'The graph is written to a temporary folder, and that cannot be made.',
      fix: 'Free some space or set TMPDIR to a folder that exists and may be written to.'
    },
    'PL-LRP-TFJS': {
      cause: 'TensorFlow.js or its WebAssembly backend is missing or damaged.',
      fix: 'Run npm ci again, or set explanation.engine to onnx.'
    }
  }
})
