/** The languages of the report. A new one is one file beside de.ts and en.ts, its code in study/choices.ts, and one row below. */
import type { ReportLanguageCode } from '../../choices.js'
import { de } from './de.js'
import { en } from './en.js'
import type { ReportLanguage } from './language.js'

export type { ReportLanguage } from './language.js'

const byCode: Record<ReportLanguageCode, ReportLanguage> = { en, de }

export const languageOf = (code: ReportLanguageCode): ReportLanguage => byCode[code]
