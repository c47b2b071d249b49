import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { beginChange, changingProcess, exchange, keepChange } from '../../src/provider/journal.js'
import type { Place } from '../../src/provider/place.js'
import { repairProvider } from '../../src/provider/repair.js'
import { contents, writeFakePackage } from './rig.js'

/** Counts down with each call that changes the disk; at 0 the process "is killed": that call and no later one is made. */
const life = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY }))

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const mortal =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      if (life.left-- <= 0) throw new Error('killed')
      return call(...args)
    }
  return {
    ...real,
    renameSync: mortal(real.renameSync),
    rmSync: mortal(real.rmSync),
    linkSync: mortal(real.linkSync)
  }
})

let folder: string
let place: Place
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'painlens-journal-'))
  place = writeFakePackage(join(folder, 'onnxruntime-node'))
})
afterEach(() => {
  life.left = Number.POSITIVE_INFINITY
  fs.rmSync(folder, { recursive: true })
})

const withBuild = (path: string, build: string): void => {
  fs.mkdirSync(path, { recursive: true })
  fs.writeFileSync(join(path, 'build'), build)
}
const buildIn = (path: string): string | null =>
  fs.existsSync(path) ? fs.readFileSync(join(path, 'build'), 'utf8') : null

/** A journal of a process that has ended. */
function orphan(): void {
  if (!fs.existsSync(place.journal)) return
  const journal = JSON.parse(fs.readFileSync(place.journal, 'utf8'))
  fs.writeFileSync(place.journal, JSON.stringify({ ...journal, born: 'another boot 1' }))
}

const changes = {
  'installing the first archive': {
    before: { current: 'cpu', previous: null },
    after: { current: 'new', previous: 'cpu' },
    run(): void {
      beginChange(place, 'archive')
      withBuild(place.staged, 'new')
      exchange(place)
      keepChange(place)
    }
  },
  'installing another archive': {
    before: { current: 'one', previous: 'cpu' },
    after: { current: 'new', previous: 'one' },
    run(): void {
      beginChange(place, 'archive')
      withBuild(place.staged, 'new')
      exchange(place)
      keepChange(place)
    }
  },
  'rolling back': {
    before: { current: 'one', previous: 'cpu' },
    after: { current: 'cpu', previous: 'one' },
    run(): void {
      beginChange(place, 'previous')
      fs.renameSync(place.previous, place.staged)
      exchange(place)
      keepChange(place)
    }
  }
} as const

describe('a change of the native files', () => {
  it.each(Object.entries(changes))(
    '%s, killed at any step, leaves the old or the new state at the next start',
    (_, change) => {
      const ends = new Set<string>()
      for (let steps = 0; ; steps++) {
        withBuild(place.current, change.before.current)
        if (change.before.previous) withBuild(place.previous, change.before.previous)
        else fs.rmSync(place.previous, { recursive: true, force: true })
        life.left = steps
        let killed = true
        try {
          change.run()
          killed = false
        } catch (error) {
          expect((error as Error).message).toBe('killed')
        }
        life.left = Number.POSITIVE_INFINITY
        orphan()
        repairProvider(() => place)
        const found = { current: buildIn(place.current), previous: buildIn(place.previous) }
        ends.add(JSON.stringify(found))
        expect([change.before, change.after], `killed at step ${steps}`).toContainEqual(found)
        const left = fs.readdirSync(place.folder).filter((name) => !/^\w+(\.previous|\.change\.json\.\d+)?$/.test(name))
        expect(left, `killed at step ${steps}`).toEqual([])
        if (!killed) break
      }
      // Both states occurred: it was killed before and after the change became valid.
      expect(ends).toEqual(new Set([change.before, change.after].map((state) => JSON.stringify(state))))
    }
  )

  it('is repaired even if the repair is killed at any step', () => {
    for (let steps = 0; steps < 12; steps++) {
      withBuild(place.current, 'one')
      withBuild(place.previous, 'cpu')
      beginChange(place, 'previous')
      fs.renameSync(place.previous, place.staged)
      exchange(place)
      orphan()
      life.left = steps
      repairProvider(() => place)
      life.left = Number.POSITIVE_INFINITY
      repairProvider(() => place)
      expect({ current: buildIn(place.current), previous: buildIn(place.previous) }, `step ${steps}`).toEqual({
        current: 'one',
        previous: 'cpu'
      })
      fs.rmSync(place.journal, { force: true })
    }
  })

  it('is not repaired while its process runs, and excludes a second change', () => {
    expect(beginChange(place, 'archive')).toBe(true)
    expect(changingProcess(place)).toBe(process.pid)
    expect(beginChange(place, 'archive')).toBe(false)
    withBuild(place.staged, 'new')
    expect(repairProvider(() => place)).toBeNull()
    expect(buildIn(place.staged)).toBe('new')
  })

  it('is repaired if another process has its process id, or its journal is damaged', () => {
    const before = contents(place.current)
    for (const text of ['', '{', JSON.stringify({ pid: process.pid, born: 'boot 1', from: 'archive' })]) {
      fs.writeFileSync(place.journal, text)
      withBuild(place.staged, 'half')
      expect(changingProcess(place)).toBeNull()
      expect(repairProvider(() => place)).toMatch(/was cut short; what was there before is in place again/)
      expect(fs.readdirSync(place.folder)).toEqual([process.arch])
      expect(contents(place.current)).toEqual(before)
    }
  })

  it('that this user may not repair is reported with what to do', () => {
    beginChange(place, 'archive')
    orphan()
    life.left = 0
    expect(repairProvider(() => place)).toMatch(
      /this user cannot undo it \(killed\); run: sudo painlens provider status/
    )
  })

  it('is not an error if onnxruntime-node is missing', () => {
    const gone = (): Place => {
      throw new Error('Cannot find module')
    }
    expect(repairProvider(gone)).toBeNull()
  })
})
