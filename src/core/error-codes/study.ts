import { errorArea } from './area.js'

export const studyErrors = errorArea({
  title: 'painlens study',
  about: 'Making a data set of your own pictures and videos, and training a model with it.',
  codes: {
    'PL-STUDY-TABLE': {
      cause: 'Rows of the table, or files of the data set, cannot be used; all of them are named.',
      fix: 'Correct them, or give --skip-bad to leave these rows out.'
    },
    'PL-STUDY-LAYOUT': {
      cause:
        'The folder does not hold the files by which this data set is known, or they are other than its makers write.',
      fix: 'Give --root the folder that holds what docs/study/prepare.md shows, or describe the data by a --table.'
    },
    'PL-STUDY-VIDEO': {
      cause: 'FFmpeg cannot decode the video, or not all of it.',
      fix: 'Play it with ffplay; convert it anew, or leave it out.'
    },
    'PL-STUDY-EMPTY': {
      cause: 'No picture shows a face that is large, sharp and open enough to be judged.',
      fix: 'Look at some of the pictures; docs/study/prepare.md says what makes a face unusable.'
    },
    'PL-STUDY-DATA': {
      cause: 'painlens study prepare has not finished the folder, or index.csv or dataset.yaml was changed by hand.',
      fix: 'Run painlens study prepare again, or correct the rows that the message names.'
    },
    'PL-STUDY-CROP': {
      cause: 'A crop is missing, damaged, or of another size than the base model takes.',
      fix: 'Run painlens study prepare again, with --base for the model that is to be trained.'
    },
    'PL-STUDY-LABELS': {
      cause:
        'The data set has fewer than two labels beside neutral, or none for the alarm; or it has labels that the model to evaluate does not know.',
      fix: 'Give --alarm-label, or prepare more classes.'
    },
    'PL-STUDY-FOLDS': {
      cause: 'The data set has too few subjects for these folds, or a class that a single subject shows.',
      fix: 'Give fewer --folds, or prepare more subjects.'
    },
    'PL-STUDY-BASE': {
      cause:
        'The base is no ONNX file or manifest, or an ONNX file of which it is unknown how pictures become its input.',
      fix: 'Give a manifest, or an ONNX file together with --input vggface or --input FILE.yaml.'
    },
    'PL-STUDY-ALIGNMENT': {
      cause: 'The crops were cut in another way than the base model knows faces.',
      fix: 'Run painlens study prepare again, with --base for the model that is to be trained.'
    },
    'PL-STUDY-PREDICTIONS': {
      cause:
        'predictions.csv or a manifest of a fold is missing, was cut short or changed, or belongs to another data set.',
      fix: 'Let painlens study train end, and give the data set that it was given.'
    },
    'PL-STUDY-EVALUATION': {
      cause: 'evaluation.json of the run was cut short or changed, or is of other predictions than the run has now.',
      fix: 'Remove its folder: painlens study report evaluates the run again.'
    },
    'PL-STUDY-FOLDER': {
      cause: 'Another painlens study writes into the folder, or it holds a run with other options.',
      fix: 'Wait until it is done, or give another --out.'
    },
    'PL-STUDY-DISK': {
      cause: 'The disk is full, or the folder may not be written by this user. What was finished is kept.',
      fix: 'Free some space or give another --out, and run the same command again: it goes on where it stopped.'
    },
    'PL-TRAIN-FROM': {
      cause: 'The base model has no layer of that name to begin training at.',
      fix: 'Give --train-from another layer.'
    },
    'PL-TRAIN-MODEL': {
      cause: 'Behind that layer the base model is no plain row of convolutions, ReLU, max pooling and dense layers.',
      fix: 'Choose a later layer for --train-from, or another base model.'
    },
    'PL-TRAIN-DIVERGED': {
      cause: 'The learning rate is too large for these data, or a crop or a weight of the base model is not a number.',
      fix: 'Give a smaller --rate.'
    },
    'PL-TRAIN-CHECKPOINT': {
      cause: 'The folder holds a run with another base model, other layers or another optimizer.',
      fix: 'Train into another folder, or with the options that the run was begun with.'
    }
  }
})
