/** A row of the command line, typed: the options and arguments that its text names are those that its command takes. */

export type OptionRow = readonly [
  /** As commander takes them: `-c, --config <file>`. */
  flags: string,
  description: string,
  /** Reads the text of the option. */
  parse?: ((text: string, flags: string) => unknown) | undefined,
  fallback?: unknown
]

interface Described<Usage, Options> {
  /** Name and arguments as commander takes them. */
  usage: Usage
  /** The command that this one belongs to. */
  parent?: string
  summary: string
  options?: Options
  /** What the options' descriptions have no room for; shown below them, line by line. */
  notes?: readonly string[]
  examples?: readonly string[]
}

export interface CommandRow extends Described<string, readonly OptionRow[]> {
  /** Answers with the exit code; absent for a command that only holds others. */
  run?: (options: Record<string, unknown>, args: readonly unknown[], signal: AbortSignal) => Promise<number>
}

type Camel<Text> = Text extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail> & string>}` : Text
type LongOf<Flags> = Flags extends `${string}--${infer Long}` ? Long : never
type StemOf<Long> = Long extends `no-${infer Name}` ? Name : Long extends `${infer Name} ${string}` ? Name : Long
/** `--rtsp-port <port>` is `rtspPort`, `--no-proof` is `proof`, as commander has them. */
type NameOf<Row extends OptionRow> = Camel<StemOf<LongOf<Row[0]>>> & string
type Parsed<Row extends OptionRow> = Row[2] extends (text: string, flags: string) => infer Value
  ? Value
  : Row[0] extends `${string}<${string}...>`
    ? string[]
    : Row[0] extends `${string}<${string}>`
      ? string
      : boolean
/** What commander gives for an option that is left out. */
type Missing<Row extends OptionRow> = Row extends readonly [string, string, unknown, unknown]
  ? never
  : LongOf<Row[0]> extends `no-${string}`
    ? never
    : undefined
type OptionsOf<Rows extends readonly OptionRow[]> = {
  [Row in Rows[number] as NameOf<Row>]: Parsed<Row> | Missing<Row>
}
/** At most one argument, by its name: `explain <images...>` gives `images`; one in brackets may be left out. */
type ArgumentsOf<Usage> = Usage extends `${string}<${infer Name}...>`
  ? { [Key in Name]: string[] }
  : Usage extends `${string}<${infer Name}>`
    ? { [Key in Name]: string }
    : Usage extends `${string}[${infer Name}]`
      ? { [Key in Name]: string | undefined }
      : unknown

/** `unknown` where a row has exactly the options that its command takes; else a type that no row fits, whose text names the difference. */
type Fits<Given, Taken> = [Exclude<keyof Given, keyof Taken>] extends [never]
  ? [Exclude<keyof Taken, keyof Given>] extends [never]
    ? Given extends Taken
      ? unknown
      : { options: 'an option has another type than the command takes' }
    : { options: `no option gives what the command takes: ${Exclude<keyof Taken, keyof Given> & string}` }
  : { options: `the command has no use for the option ${Exclude<keyof Given, keyof Taken> & string}` }

/**
 * A row with its command.
 * @param row `load` brings the command in when it is called: `painlens --help` need not wait for TensorFlow
 */
export function command<const Usage extends string, Taken, const Rows extends readonly OptionRow[] = []>(
  row: Described<Usage, Rows> & {
    load: () => Promise<(options: Taken, signal: AbortSignal) => Promise<number>>
  } & Fits<OptionsOf<Rows> & ArgumentsOf<Usage>, Taken>
): CommandRow {
  const { load, ...described } = row
  const names = [...row.usage.matchAll(/[<[](\w+)(?:\.\.\.)?[>\]]/g)].map(([, name]) => name)
  return {
    ...described,
    run: async (options, args, signal) => {
      const given: unknown = { ...options, ...Object.fromEntries(names.map((name, i) => [name, args[i]])) }
      // Commander parses the row's text as the types above do.
      return (await load())(given as Taken, signal)
    }
  }
}
