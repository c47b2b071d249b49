/** What a code stands for, wherever it is thrown; docs/operate/errors.md is made of it. */
export interface ErrorEntry {
  /** Why it comes, in whole sentences. */
  cause: string
  /** What to do about it, in whole sentences; printed with the error unless the place that throws it can say more. */
  fix: string
}

/** The codes of one part of painlens. */
export interface ErrorArea<Code extends string = string> {
  title: string
  /** Where these turn up. */
  about: string
  codes: Readonly<Record<Code, ErrorEntry>>
}

/** Checks a table where it stands: `PL-` first, and no entry without a cause and a fix. */
export const errorArea = <Code extends `PL-${Uppercase<string>}`>(table: ErrorArea<Code>): ErrorArea<Code> => table
