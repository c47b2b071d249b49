import { errorArea } from './area.js'

const manifest = 'Correct the manifest, or export the model again together with it.'

export const modelErrors = errorArea({
  title: 'Models',
  about: 'At start, in `painlens check`, `painlens explain` and `painlens models`.',
  codes: {
    'PL-MODEL-MANIFEST-UNREADABLE': {
      cause: "model.manifest, or the command, names a file that is not there, or that painlens's user may not read.",
      fix: 'Name a manifest that is there: model.manifest in the config, or that of the command.'
    },
    'PL-MODEL-MANIFEST': {
      cause: 'The manifest is no YAML, or a key of it is missing, unknown, or has a value that is not allowed.',
      fix: manifest
    },
    'PL-MODEL-ALARM-LABEL': {
      cause: "The manifest's alarm_label is not one of its labels.",
      fix: 'Set alarm_label to one of the labels.'
    },
    'PL-MODEL-LABEL-TWICE': { cause: 'A slip in the manifest: two labels are the same.', fix: manifest },
    'PL-MODEL-INPUT': {
      cause: 'The manifest belongs to another model, or its layout or size is wrong.',
      fix: 'Correct input in the manifest.'
    },
    'PL-MODEL-LABELS': {
      cause:
        'The manifest belongs to another model, or a label is missing. A model with a single output has two labels.',
      fix: "Correct labels in the manifest, in the order of the model's outputs."
    },
    'PL-MODEL-OUTPUT': {
      cause:
        "The model has several outputs, or its output holds no scores: a class's number, or integers without a scale.",
      fix: "Put output: NAME into the manifest, with the name of the output that holds the classes' scores."
    },
    'PL-MODEL-HEAD': {
      cause:
        "Neither the model's graph nor its manifest says whether its outputs are logits or probabilities, the two contradict each other, or an inference does.",
      fix: 'Put head: logits, softmax, log_softmax or sigmoid into the manifest, as the model was trained.'
    },
    'PL-MODEL-NOT-FINITE': {
      cause: 'A weight of the model, or an output of it for the picture that it is tried with, is no finite number.',
      fix: 'Take a checkpoint from before the training failed, or export in float32 what overflows in float16.'
    },
    'PL-MODEL-HASH': {
      cause: 'The ONNX file is another one than the manifest speaks of, or was damaged on the way.',
      fix: 'Copy the model again, or put the right hash (sha256sum) into the manifest if the new model is meant.'
    },
    'PL-MODEL-UNREADABLE': {
      cause: "The ONNX file is missing, is not a file, or painlens's user may not read it.",
      fix: 'Check file in the manifest, the path and its permissions.'
    },
    'PL-MODEL-UNOPENABLE': {
      cause:
        'The file is damaged, is no ONNX, or uses an operator that the provider does not have; or there is no memory for it. The text has what ONNX Runtime says.',
      fix: 'Check that the file is there and complete, or export it again; where the text speaks of memory or allocation, free some or take a smaller model.'
    },
    'PL-MODEL-DAMAGED': {
      cause:
        'The file, or its data file, is damaged, cut short or missing; it is no ONNX, or holds what painlens does not read; or its graph does not hang together.',
      fix: 'Export or copy the model again, with its data file beside it, in float32.'
    },
    'PL-MODEL-EXTERNAL': {
      cause: 'The model refers to a file elsewhere, which painlens does not open.',
      fix: 'Put the data file beside the model and export it with a plain file name.'
    },
    'PL-MODEL-NOT-FLOAT': {
      cause: "The model's weights are of another type.",
      fix: 'Export the model with float32 weights.'
    },
    'PL-MODEL-NOT-WHOLE': {
      cause: 'A shape or axes are of a type that ONNX does not allow there.',
      fix: 'Export the model again; shapes and axes are int64 in ONNX.'
    },
    'PL-MODEL-TOO-LARGE': {
      cause: "The graph that LRP is computed by repeats the model's weights and grows too large.",
      fix: 'Use a smaller model or a simpler composite.'
    },
    'PL-MODEL-UNWRITABLE': {
      cause: 'The disk is full, or the folder is not there or not to be written to.',
      fix: 'Free some space or name a folder that exists and may be written to.'
    },
    'PL-MODEL-FOLDER': {
      cause: 'The installation is incomplete.',
      fix: 'Install painlens again: it brings its models along.'
    },
    'PL-MODEL-SLOW': {
      cause:
        'The classifier takes so long for one face that, with a face before each camera, frames are dropped and alarms come later than alarm.onset_s says.',
      fix: 'Watch fewer cameras, use a GPU (inference.provider), a smaller model or its int8 file; docs/operate/sizing.md says what a box can do.'
    },
    'PL-MODEL-DEMONSTRATION': {
      cause: 'The model that comes with painlens knows drawings only.',
      fix: 'Set model.manifest to your own model before it matters.'
    },
    'PL-QUANTISE-MODEL': {
      cause:
        'The model is in 8 bits already, or has no layer with constant float32 weights between its first and its last one.',
      fix: 'Export the classifier in float32 with constant weights, as plain Conv, Gemm or MatMul; or judge in float32, which needs nothing.'
    },
    'PL-QUANTISE-CROPS': {
      cause: 'The folder of --crops holds too few readable pictures to find the ranges of the values by.',
      fix: 'Name a folder with at least 16 face crops, cut as the model takes them: what painlens study prepare has written.'
    },
    'PL-QUANTISE-EXISTS': {
      cause: 'painlens models quantise would overwrite a file.',
      fix: 'Name another file with --out, or overwrite an older result with --force.'
    },
    'PL-PRECISION-NONE': {
      cause: 'inference.precision names a precision that this model or provider does not have.',
      fix: 'Make the int8 file with painlens models quantise and name its manifest, or set inference.precision to auto or float32.'
    },
    'PL-PRECISION-FILE': {
      cause:
        'The int8 file was made of another model: it takes or gives something else than the float32 file of the manifest.',
      fix: 'Make it again, of this model, with painlens models quantise, and name the manifest that it writes; until then painlens judges in float32, more slowly.'
    },
    'PL-PRECISION-DIFFERS': {
      cause: "On this processor the model's int8 file judges drawn faces otherwise than its float32 file.",
      fix: 'Make it again with painlens models quantise, with more crops; until then painlens judges in float32, more slowly.'
    },
    'PL-PRECISION-SLOW': {
      cause: 'This processor has no fast instructions for 8 bits.',
      fix: 'Nothing to do: painlens judges in float32. inference.precision: float32 spares the trial at start.'
    },
    'PL-FACE-MODEL': {
      cause: 'Files of the face models are missing, damaged or of another version, or the checkout was not built.',
      fix: 'Install painlens again: it brings the face models along; take model.face_models out of the config where it names a copy. In a checkout: npm run build.'
    },
    'PL-FACE-FAILED': {
      cause: 'ONNX Runtime failed while looking for faces, mostly for lack of memory.',
      fix: 'See whether memory is short; with a GPU, try inference.provider: cpu.'
    },
    'PL-PROVIDER-UNUSABLE': {
      cause: "The provider that inference.provider names fails with this model; the text is ONNX Runtime's.",
      fix: 'See deploy/jetson for the libraries of cuda and tensorrt, or set inference.provider to auto or cpu.'
    },
    'PL-PROVIDER-UNUSED': {
      cause: 'ONNX Runtime opens the provider and then runs every node of the model elsewhere.',
      fix: 'See deploy/jetson for the libraries of cuda and tensorrt, or set inference.provider to auto or cpu.'
    },
    'PL-PROVIDER-NONE': {
      cause: 'ONNX Runtime can run the model neither on the GPU nor on the CPU.',
      fix: 'Check the model with painlens check; see whether memory is short. onnxruntime-node brings the CPU provider along: install painlens again.'
    },
    'PL-PROVIDER-FACES': {
      cause: "The provider fails with the face models; the text is ONNX Runtime's.",
      fix: 'See deploy/jetson for the libraries it needs, or set inference.provider to auto or cpu.'
    },
    'PL-PROVIDER-FALLBACK': {
      cause: 'inference.provider auto wanted the GPU and took the CPU.',
      fix: 'Nothing to do on a box without a GPU (inference.provider: cpu says so); else see deploy/jetson.'
    }
  }
})
