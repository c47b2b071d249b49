/** The languages of the report. A new one is one file beside de.ts and en.ts, its code in study/choices.ts, and one row below. */
import type { ReportLanguageCode } from '../../choices.js'
import { reportDe } from './de.js'
import { reportEn } from './en.js'
import type { ReportLanguage } from './language.js'

export type { ReportLanguage } from './language.js'

const byCode: Record<ReportLanguageCode, ReportLanguage> = { en: reportEn, de: reportDe }

export const languageOf = (code: ReportLanguageCode): ReportLanguage => byCode[code]
