import { area } from './area.js'

export const studyErrors = area({
  title: 'painlens study',
  about: 'Training a model with your own pictures.',
  codes: {
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
