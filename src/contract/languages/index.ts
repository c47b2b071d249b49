/** The languages of alarms and explanations. A new one is one file beside de.ts and en.ts, and one row in the table below. */
import { de } from './de.js'
import { en } from './en.js'
import type { Language } from './language.js'

export type { ExplainedLabels, Language, Statement } from './language.js'

/** By ISO 639-1 code. */
const languages = { en, de } satisfies Record<string, Language>

export type LanguageCode = keyof typeof languages
/** The same said in each language, by its code. */
export type Texts = Record<LanguageCode, string>

/** A value for each language. */
export function byLanguage<T>(make: (language: Language, code: LanguageCode) => T): Record<LanguageCode, T> {
  const codes = Object.keys(languages) as LanguageCode[]
  return Object.fromEntries(codes.map((code) => [code, make(languages[code], code)])) as Record<LanguageCode, T>
}
