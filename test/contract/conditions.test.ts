import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Condition, conditionNames, conditions, hasUpdates } from '../../src/contract/conditions.js'
import { packageRoot } from '../../src/core/version.js'
import { sourcesBelow } from '../support/imports.js'

describe('a condition', () => {
  const sources = sourcesBelow(`${packageRoot}src`).filter((file) => !file.includes('/src/contract/'))
  const code = sources.map((file) => readFileSync(file, 'utf8')).join('\n')
  const isRaised = (name: string): boolean => code.includes(`'${name}'`)

  it.each(conditionNames)('%s is raised somewhere in src', (name) => {
    expect(isRaised(name)).toBe(true)
  })

  it('that nothing raises would be found', () => {
    expect(isRaised('boredom')).toBe(false)
  })

  it('has updates, unless its row says that no subscriber can hear them', () => {
    expect(conditionNames.filter((name) => !hasUpdates(name))).toEqual(['broker_lost'])
  })

  it('has the priority that docs/integrate/mqtt.md gives the reasons for', () => {
    const of = (priority: string): Condition[] =>
      conditionNames.filter((name) => conditions[name].priority === priority)
    expect(of('high')).toEqual(['pain', 'inference_failed'])
    const cameras = ['camera_lost', 'camera_frozen', 'camera_damaged', 'face_unusable', 'overloaded']
    expect(of('medium')).toEqual([...cameras, 'outbox_full', 'outbox_failed'])
  })
})
