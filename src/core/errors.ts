/**
 * One class per kind of trouble that the user can act on. Each message says what, where and what to do, and never
 * holds a secret: whoever throws passes values through `Secrets.redact` first where a URL or a password may be in them.
 */
export class PainlensError extends Error {
  /** The process's exit code when this error ends it: 1 failed, 2 wrong usage or config. */
  readonly exitCode: 1 | 2 = 1

  /**
   * @param what  what went wrong, without a full stop: `the model's hash differs from the manifest's`
   * @param where file:line, camera id, topic, address, …
   * @param fix   what to do about it, a whole sentence
   */
  constructor(
    readonly what: string,
    readonly where: string,
    readonly fix: string,
    options?: { cause?: unknown }
  ) {
    super(`${where}: ${what}. ${fix}`, options)
    this.name = new.target.name
  }
}

export class UsageError extends PainlensError {
  override readonly exitCode = 2
}

/** Everything that is wrong with a config file, in one go. */
export class ConfigError extends PainlensError {
  override readonly exitCode = 2
  /** @param problems one line each: `12:5 cameras[0].fps: found "fast", allowed is a number from 0.1 to 30` */
  constructor(
    file: string,
    readonly problems: readonly string[],
    fix = 'Correct the lines named above; config/painlens.schema.json makes an editor point them out.'
  ) {
    super(
      `${problems.length === 1 ? 'one problem' : `${problems.length} problems`}\n  ${problems.join('\n  ')}\n`,
      file,
      fix
    )
    this.message = `${file} has ${this.what}${fix}`
  }
}

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
export class PortInUseError extends PainlensError {}
/** No space, no permission, no such folder. */
export class DiskError extends PainlensError {}
/** A program that painlens calls (ffmpeg, systemd-notify) is missing or too old. */
export class ProgramError extends PainlensError {}
/** A picture or another input file of a command. */
export class InputError extends PainlensError {}

/** A message that never went to the broker: its connection ended first. It says nothing about the message. */
export class NotSent extends Error {}

/** The text of anything thrown, for a log line or another error's cause. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
