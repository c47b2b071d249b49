import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { files } from '../../deploy/pack/ships.mjs'
import { lint, ruleNames } from './dockerfile-rules.js'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const dockerfiles = ['deploy/docker/Dockerfile', 'deploy/jetson/Dockerfile']

describe.each(dockerfiles)('%s', (name) => {
  const text = read(name)

  it('the Dockerfile violates no rule', () => {
    expect(lint(text)).toEqual([])
  })

  it('every copied path exists, and the build context contains nothing else', () => {
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
    expect(copied.length).toBeGreaterThan(5)
    const allowed = read(`${name}.dockerignore`).split('\n')
    expect(allowed).toContain('*')
    for (const source of copied) {
      expect(existsSync(join(root, source)), source).toBe(true)
      expect(allowed).toContain(`!${source}`)
    }
  })

  it('every file that ships is copied, and the image gets what was laid out and nothing else', () => {
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
    const wanted = files.filter(({ path, only }) => path !== 'dist' && only !== 'release').map(({ path }) => path)
    expect(wanted.filter((path) => !copied.includes(path))).toEqual([])
    expect(text).toContain('stage.mjs --kind image --to /opt/staged')
    const taken = [...text.matchAll(/^COPY --from=build (.+)$/gm)].map(([, what]) => what)
    expect(taken).toEqual(['/usr/local/bin/node /usr/local/bin/node', '/opt/staged /opt/painlens'])
  })

  it('the health check and the command that the Dockerfile names exist', () => {
    const [, healthcheck] = /CMD \["node", "\/opt\/painlens\/([^"]+)"/.exec(text)!
    expect(files.map(({ path }) => path)).toContain(healthcheck)
    const { bin } = JSON.parse(read('package.json')) as { bin: { painlens: string } }
    expect(text).toContain(`ln -s /opt/painlens/${bin.painlens} /usr/local/bin/painlens`)
  })
})

it('the two Dockerfiles differ only in the base image and its packages', () => {
  const [one, other] = dockerfiles.map((file) => new Set(read(file).split('\n'))) as [Set<string>, Set<string>]
  const apart = [...one, ...other].filter((line) => one.has(line) !== other.has(line) && !/^#|^$/.test(line))
  expect(apart).toEqual([
    'ARG BASE_IMAGE=debian:12.13-slim',
    'ARG BASE_IMAGE=nvcr.io/nvidia/l4t-jetpack:r36.4.0',
    expect.stringMatching(/^ +gstreamer1\.0-tools/)
  ])
})

/** One violation of each rule, by what is put in the place of what. */
const violations: Record<string, [RegExp, string]> = {
  syntax: [/^WORKDIR /m, 'WORKDIRECTORY '],
  DL3000: [/^WORKDIR .*/m, 'WORKDIR painlens'],
  DL3002: [/^USER .*/m, 'USER root'],
  DL3003: [/^RUN ln/m, 'RUN cd /tmp && ln'],
  DL3004: [/^RUN ln/m, 'RUN sudo ln'],
  DL3006: [/^ARG BASE_IMAGE=.*/m, 'ARG BASE_IMAGE=debian'],
  DL3007: [/^ARG BASE_IMAGE=.*/m, 'ARG BASE_IMAGE=debian:latest'],
  DL3009: [/rm -rf \/var\/lib\/apt\/lists\/\*/, 'true'],
  DL3014: [/ --yes /, ' '],
  DL3015: [/ --no-install-recommends/, ''],
  DL3020: [/^COPY src/m, 'ADD src'],
  DL3025: [/^CMD .*/m, 'CMD painlens run'],
  DL4000: [/^WORKDIR .*/m, 'MAINTAINER nobody'],
  DL4003: [/^(CMD .*)/m, '$1\n$1'],
  health: [/^HEALTHCHECK.*\n.*/m, 'HEALTHCHECK NONE'],
  init: [/^ENTRYPOINT .*/m, 'ENTRYPOINT ["painlens"]'],
  labels: [/\.licenses=/, '.licence='],
  lock: [/npm ci/, 'npm install'],
  scripts: [/npm ci --ignore-scripts/, 'npm ci'],
  secrets: [/^ARG PROVIDER_ARCHIVE=/m, 'ARG BROKER_PASSWORD='],
  signal: [/^STOPSIGNAL .*/m, ''],
  state: [/^VOLUME .*/m, 'VOLUME /data']
}

describe('the rules', () => {
  it('every Dockerfile rule has a planted violation', () => {
    expect(Object.keys(violations).sort()).toEqual(['syntax', ...ruleNames].sort())
  })

  it.each(Object.entries(violations))('the Dockerfile rule %s detects its planted violation', (rule, [from, to]) => {
    const text = read(dockerfiles[0]!)
    const broken = text.replace(from, to)
    expect(broken).not.toBe(text)
    expect(lint(broken).map((finding) => finding.rule)).toContain(rule)
  })
})
