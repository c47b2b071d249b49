import { version } from '../../core/version.js'
import type { Ranking, Resting } from '../../lib/statistics/index.js'
import type { ReferenceRules } from '../../stages/reference/measurement.js'
import { warningsOf } from '../dataset.js'
import { type Chance, type Figures, figuresOf } from './figures.js'
import type { JudgedData } from './judged.js'
import { type AlarmFigures, type AlarmSettings, type ReplayedAlarm, replay } from './replay.js'
import { type Calibration, calibrationOf, type Separation, separationOf } from './scores.js'
import { type ReferenceWorth, worthOf } from './worth.js'

export interface Measure {
  data: string
  /** What judges: a model, or the folds of a run of train. */
  by: { model: string; out: string } | { run: string }
  /** The daemon's alarms. */
  alarm: AlarmSettings
  /** The daemon's rules for references, where it is asked what these would change; of a model only. */
  reference: ReferenceRules | null
  chance: Chance
}

/** Everything that is known of how well a model does; `evaluation.json`. */
export interface Evaluation extends Figures {
  schema: 1
  /** The version of painlens. */
  painlens: string
  data: string
  judged_by: { name: string; model?: string; run?: string }
  /** Whether each crop was judged by a model that never saw its subject. */
  cross_validated: boolean
  labels: readonly string[]
  alarm_label: string
  seed: number
  repetitions: number
  /** What may make figures better than the model is. */
  warnings: string[]
  calibration: Calibration
  /** Outputs on neutral faces, before softmax and temperature: of one model only. */
  resting: Resting | null
  /** The alarm's label against the others; also with the neutral faces, where there are any. */
  separation: { from_other_labels: Separation; from_everything: Separation | null }
  /** At the daemon's thresholds, or why that cannot be said. */
  alarms: ({ measurable: true } & AlarmFigures) | { measurable: false; reason: string }
  /** What each subject's own resting face changes; null where that was not asked. */
  reference: ReferenceWorth | null
}

/** An evaluation, and the parts that are too long for it. */
export interface EvaluationParts {
  evaluation: Evaluation
  curves: Record<keyof Evaluation['separation'], Ranking | null>
  /** Null where alarms are not measurable. */
  alarms: readonly ReplayedAlarm[] | null
}

export function evaluationOf(judgement: JudgedData, { data, by, alarm, reference, chance }: Measure): EvaluationParts {
  const { dataset, labels, alarmLabel, judged, model, one } = judgement
  const shown = judged.filter(({ row }) => labels.includes(row.label))
  const threshold = alarm.rules.onsetThreshold
  const others = separationOf(shown, judgement, threshold, chance)
  // Without neutral faces these would equal the figures above.
  const all = shown.length < judged.length ? separationOf(judged, judgement, threshold, chance) : null
  const replayed = replay(judgement, alarm)
  const evaluation: Evaluation = {
    schema: 1,
    painlens: version,
    data,
    judged_by: { name: model.name, ...('run' in by ? { run: by.run } : { model: by.model }) },
    cross_validated: model.crossValidated,
    labels,
    alarm_label: alarmLabel,
    seed: chance.seed,
    repetitions: chance.repetitions,
    warnings: [...judgement.warnings, ...warningsOf(dataset).map(({ says }) => says)],
    ...figuresOf(judgement, chance),
    calibration: calibrationOf(judgement),
    resting: judgement.resting,
    separation: { from_other_labels: others.separation, from_everything: all?.separation ?? null },
    alarms: replayed.measurable
      ? { measurable: true, ...replayed.figures }
      : { measurable: false, reason: `not measurable with these data: ${replayed.reason}` },
    reference: reference && one && worthOf(judgement, one, { alarm, rules: reference, chance })
  }
  const curves = { from_other_labels: others.ranking, from_everything: all?.ranking ?? null }
  return { evaluation, curves, alarms: replayed.measurable ? replayed.alarms : null }
}
