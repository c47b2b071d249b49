/**
 * The codes of every error that a user may see: the one place where a code is named, with its cause and what to do.
 * A code stays once it is released: search engines, tickets and scripts hold on to it.
 */
import { commandErrors, machineErrors, outboxErrors } from './alarms.js'
import type { ErrorArea, ErrorEntry } from './area.js'
import { backupErrors } from './backup.js'
import { brokerErrors } from './broker.js'
import { cameraErrors } from './camera.js'
import { configErrors, initErrors } from './config.js'
import { controlErrors } from './control.js'
import { inferenceErrors } from './inference.js'
import { installErrors } from './install.js'
import { internalErrors } from './internal.js'
import { modelErrors } from './model.js'
import { pageErrors } from './page.js'
import { referenceErrors } from './reference.js'
import { studyErrors } from './study.js'
import { toolErrors } from './tools.js'

const areas = [
  configErrors,
  initErrors,
  cameraErrors,
  brokerErrors,
  modelErrors,
  inferenceErrors,
  outboxErrors,
  commandErrors,
  referenceErrors,
  machineErrors,
  controlErrors,
  pageErrors,
  installErrors,
  backupErrors,
  toolErrors,
  studyErrors,
  internalErrors
] as const

type CodesOf<Area> = Area extends ErrorArea<infer Code> ? Code : never
export type ErrorCode = CodesOf<(typeof areas)[number]>

/** In the order of docs/operate/errors.md. */
export const errorAreas: readonly ErrorArea[] = areas

export const errorCodes = Object.assign({}, ...areas.map(({ codes }) => codes)) as Readonly<
  Record<ErrorCode, ErrorEntry>
>

/** What to do about it, as the table says; a whole sentence or more. */
export const fixOf = (code: ErrorCode): string => errorCodes[code].fix
