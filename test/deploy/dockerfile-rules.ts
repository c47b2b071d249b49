/**
 * What a Dockerfile of ours has to keep to: the rules of hadolint (https://github.com/hadolint/hadolint) that matter here,
 * by its numbers, and our own. hadolint itself comes neither through npm nor with Debian.
 */
import { DockerfileParser, type Instruction, type JSONInstruction } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'

export interface Finding {
  rule: string
  why: string
}

type Check = (file: Dockerfile) => (string | false)[]

class Dockerfile {
  readonly instructions: Instruction[]

  constructor(readonly text: string) {
    this.instructions = DockerfileParser.parse(text).getInstructions()
  }

  all(keyword: string): Instruction[] {
    return this.instructions.filter((instruction) => instruction.getKeyword() === keyword)
  }

  /** Those of the last stage, which is the image. */
  get final(): Instruction[] {
    return this.instructions.slice(this.instructions.findLastIndex((one) => one.getKeyword() === 'FROM'))
  }

  last(keyword: string): Instruction | undefined {
    return this.final.findLast((instruction) => instruction.getKeyword() === keyword)
  }

  /** With ARGs of the beginning put in. */
  bases(): string[] {
    const defaults = new Map(this.all('ARG').map((arg) => textOf(arg).split('=', 2) as [string, string | undefined]))
    const stages = this.all('FROM').map((from) => /\sAS\s+(\S+)/i.exec(textOf(from))?.[1])
    return this.all('FROM')
      .map((from) => textOf(from).split(/\s/)[0]!)
      .map((image) => image.replace(/\$\{(\w+)\}/g, (_, name: string) => defaults.get(name) ?? ''))
      .filter((image) => image !== 'scratch' && !stages.includes(image))
  }
}

const textOf = (instruction: Instruction | undefined): string => instruction?.getArgumentsContent() ?? ''
const isJson = (instruction: Instruction): boolean => (instruction as JSONInstruction).getOpeningBracket?.() != null
const eachRun = (file: Dockerfile, fits: RegExp, wrong: (text: string) => boolean, why: string) =>
  file.all('RUN').map((run) => fits.test(textOf(run)) && wrong(textOf(run)) && why)

const rules: Record<string, Check> = {
  DL3000: ({ instructions }) =>
    instructions.map((one) => one.getKeyword() === 'WORKDIR' && !textOf(one).startsWith('/') && 'WORKDIR is relative'),
  DL3002: (file) => [!/^[1-9]\d*:[1-9]\d*$/.test(textOf(file.last('USER'))) && 'the last USER is no number but root’s'],
  DL3003: (file) => eachRun(file, /(^|[;&|]\s*)cd\s/, () => true, 'cd in a RUN; WORKDIR is for that'),
  DL3004: (file) => eachRun(file, /\bsudo\b/, () => true, 'sudo'),
  DL3006: (file) => file.bases().map((image) => !/:[^/]+$/.test(image) && `${image} has no tag`),
  DL3007: (file) => file.bases().map((image) => /:latest$/.test(image) && `${image} is another one tomorrow`),
  DL3009: (file) =>
    eachRun(file, /apt-get update/, (text) => !text.includes('rm -rf /var/lib/apt/lists/*'), 'apt’s lists stay'),
  DL3014: (file) => eachRun(file, /apt-get install/, (text) => !/\s(-y|--yes)\s/.test(text), 'apt-get would ask'),
  DL3015: (file) =>
    eachRun(file, /apt-get install/, (text) => !text.includes('--no-install-recommends'), 'recommended packages too'),
  DL3020: (file) => file.all('ADD').map(() => 'ADD; COPY brings files'),
  DL3025: (file) =>
    ['CMD', 'ENTRYPOINT'].flatMap((name) => file.all(name).map((one) => !isJson(one) && `${name} by a shell`)),
  DL4000: (file) => file.all('MAINTAINER').map(() => 'MAINTAINER'),
  DL4003: (file) => [file.final.filter((one) => one.getKeyword() === 'CMD').length > 1 && 'more than one CMD'],
  health: (file) => [
    !/CMD \["node", .*healthcheck\.mjs/.test(textOf(file.last('HEALTHCHECK'))) && 'no HEALTHCHECK by exec'
  ],
  init: (file) => [!textOf(file.last('ENTRYPOINT')).startsWith('["tini"') && 'painlens would be process 1'],
  labels: (file) => [
    ...['title', 'description', 'licenses', 'documentation'].map(
      (name) => !textOf(file.last('LABEL')).includes(`org.opencontainers.image.${name}=`) && `no label ${name}`
    )
  ],
  lock: (file) => eachRun(file, /\bnpm (i|install)\b/, () => true, 'npm install; npm ci keeps to the lock file'),
  scripts: (file) =>
    eachRun(file, /\bnpm (ci|prune)\b/, (text) => !text.includes('--ignore-scripts'), 'install scripts'),
  secrets: (file) =>
    [...file.all('ENV'), ...file.all('ARG')].map(
      (one) => /passw|secret|token/i.test(textOf(one)) && 'a secret in the image'
    ),
  signal: (file) => [textOf(file.last('STOPSIGNAL')) !== 'SIGTERM' && 'no STOPSIGNAL'],
  state: (file) => [textOf(file.last('VOLUME')) !== '/var/lib/painlens' && 'no VOLUME for the outbox']
}

export const ruleNames = Object.keys(rules)

/** Everything that is wrong with a Dockerfile, by rule; `syntax` is what a parser has to say. */
export function lint(text: string): Finding[] {
  const file = new Dockerfile(text)
  const syntax = validate(text).map(({ message }) => ({ rule: 'syntax', why: String(message) }))
  const broken = Object.entries(rules).flatMap(([rule, check]) =>
    check(file)
      .filter((why) => why !== false)
      .map((why) => ({ rule, why }))
  )
  return [...syntax, ...broken]
}
