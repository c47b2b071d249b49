import { type ErrorCode, fixOf } from './error-codes/index.js'
import { printableLines } from './printable.js'

export type { ErrorCode } from './error-codes/index.js'

/** The part of an error for alarms, answers and health messages. */
export interface Problem {
  readonly code: ErrorCode
  readonly message: string
}

/**
 * One class per kind of trouble that the user can act on, one code per cause (`error-codes/`). Each message says what,
 * where and what to do, and never holds a secret: what throws passes values through `Secrets.redact` first where a URL or
 * a password may be in them. What is thrown falls into five kinds: painlens itself is wrong (InvariantError), its caller is
 * (UsageError; a RangeError or TypeError where a function of `lib` is called wrongly), the signal was aborted (its
 * `reason`), something took too long (TimeoutError), something was closed (ClosedError); all other classes say what of
 * the world outside has failed.
 */
export class PainlensError extends Error implements Problem {
  /** The process's exit code when this error ends it: 1 failed, 2 wrong usage or config. */
  get exitCode(): 1 | 2 {
    return 1
  }
  /** What went wrong, without a full stop. */
  readonly what: string
  /** What to do about it: whole sentences. */
  readonly fix: string

  /**
   * @param code  from the table of its area in `error-codes/`
   * @param what  what went wrong: `the model's hash differs from the manifest's`; a full stop that another program has put at its end is left out
   * @param where file:line, camera id, topic, address, …
   * @param options fix: where this place can say more than the table does
   */
  constructor(
    readonly code: ErrorCode,
    what: string,
    readonly where: string,
    { fix = fixOf(code), ...options }: { fix?: string; cause?: unknown } = {}
  ) {
    const open = withoutFullStop(what)
    super(`${where}: ${open}. ${fix}`, options)
    this.name = new.target.name
    this.what = open
    this.fix = fix
  }
}

export class UsageError extends PainlensError {
  override get exitCode(): 2 {
    return 2
  }
}

/** Everything that is wrong with a config file, in one go. */
export class ConfigError extends PainlensError {
  override get exitCode(): 2 {
    return 2
  }

  /** @param problems one line each: `12:5 cameras[0].fps: found "fast", allowed is a number from 0.1 to 30 [PL-CONFIG-VALUE]` */
  constructor(
    code: 'PL-CONFIG-INVALID' | 'PL-CONFIG-UNREADABLE' | 'PL-CONFIG-DENIED' | 'PL-CONFIG-ENCODING',
    file: string,
    readonly problems: readonly string[]
  ) {
    super(
      code,
      `${problems.length === 1 ? 'one problem' : `${problems.length} problems`}\n  ${problems.join('\n  ')}\n`,
      file
    )
    this.message = `${file} has ${this.what}${this.fix}`
  }
}

/** painlens itself is wrong: what must hold within it does not. */
export class InvariantError extends PainlensError {
  constructor(what: string, where: string, options: { cause?: unknown } = {}) {
    super('PL-INVARIANT', what, where, options)
  }
}

/** Something that is awaited did not come in its time. */
export class TimeoutError extends PainlensError {}
/** Something was asked of a part that is closed, or that closed before it answered. */
export class ClosedError extends PainlensError {}

/** A camera's URL, credentials, stream or decoder. */
export class CameraError extends PainlensError {}
/** A model or manifest file that is missing, broken or at odds with itself. */
export class ModelError extends PainlensError {}
/** An ONNX file that is fine but uses what LRP here cannot explain. */
export class UnsupportedModelError extends PainlensError {}
/** An inference provider that was named and cannot be had. */
export class ProviderError extends PainlensError {}
/** An inference or an explanation that failed or got stuck. */
export class InferenceError extends PainlensError {}
/** Two engines that should compute the same do not; which of them is right, trying again does not tell. */
export class EnginesDifferError extends InferenceError {}
export class BrokerError extends PainlensError {}
/** The socket by which commands ask a running daemon. */
export class ControlError extends PainlensError {}
export class PortInUseError extends PainlensError {}
/** No space, no permission, no such folder. */
export class DiskError extends PainlensError {}
/** A program that painlens calls (ffmpeg, systemd-notify) is missing or too old. */
export class ProgramError extends PainlensError {}
/** A picture or another input file of a command. */
export class InputError extends PainlensError {}

/** A message that never went to the broker: its connection ended first. It says nothing about the message. */
export class NotSent extends ClosedError {
  /** @param why without a full stop: `the connection was cut` */
  constructor(why: string) {
    super('PL-BROKER-NOT-SENT', why, 'mqtt.url')
  }
}

/** FFmpeg, OpenSSL and Node.js end some of their messages with one. A path that ends with `..` keeps it. */
export const withoutFullStop = (text: string): string => text.replace(/(?<=[\p{L}\p{N})"'\]])\.$/u, '')

/** The whole text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What went wrong, without where and what to do, for another error's text. */
export function whatOf(error: unknown): string {
  return error instanceof PainlensError ? error.what : messageOf(error)
}

/** The code of anything thrown; `PL-UNEXPECTED` for what has none of ours. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof PainlensError ? error.code : 'PL-UNEXPECTED'
}

/** The problem of any thrown value, for alarms and health messages. */
export function problemOf(error: unknown): Problem {
  return { code: codeOf(error), message: messageOf(error) }
}

/** As people read it: the message, which cannot steer their terminal, and the code to look it up by. */
export function printed(error: unknown): string {
  return `${printableLines(messageOf(error))} [${codeOf(error)}]`
}

/** The fields of a log line about anything thrown. */
export function errorFields(error: unknown): { code: ErrorCode; error: string } {
  return { code: codeOf(error), error: messageOf(error) }
}

/** Anything thrown as an Error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new PainlensError('PL-UNEXPECTED', messageOf(error), 'painlens')
}
