/** Statistics of classifiers: what Node.js has no kept library for, each by the paper that its docstring names. */
export { clusterBootstrap } from './bootstrap.js'
export { properScores, type Reliability, reliabilityOf } from './calibration.js'
export { type ClassFigures, classReport, confusionOf } from './classes.js'
export { spearman } from './correlation.js'
export { type Interval, poissonInterval, quantile, wilsonInterval } from './intervals.js'
export { signFlipTest } from './permutation.js'
export { Ranking } from './ranking.js'
