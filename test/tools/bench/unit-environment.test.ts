import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { unitEnvironment } from '../../../tools/bench/unit-environment.js'

describe("the unit's environment", () => {
  it('holds what bounds memory', () => {
    expect(unitEnvironment()).toMatchObject({ MALLOC_ARENA_MAX: '2', NODE_OPTIONS: '--max-semi-space-size=2' })
  })

  it('is that of both images', () => {
    for (const image of ['deploy/docker/Dockerfile', 'deploy/jetson/Dockerfile'])
      for (const [name, value] of Object.entries(unitEnvironment()))
        expect(readFileSync(image, 'utf8'), image).toMatch(
          new RegExp(`^(?:ENV|   ) ${name}=${value.replaceAll('-', '\\-')}(?: \\\\)?$`, 'm')
        )
  })
})
