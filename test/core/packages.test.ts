import { expect, it } from 'vitest'
import { requirePackage } from '../../src/core/packages.js'
import { listenError } from '../../src/daemon/health/http.js'
import { explainConnectError } from '../../src/stages/mqtt/connect.js'

it('a package that is missing at its first use is told in one sentence, also where a broker or a port would be blamed', () => {
  const error = (() => {
    try {
      return requirePackage('is-not-installed' as never)
    } catch (thrown) {
      return thrown as Error
    }
  })()
  const what = "the package is-not-installed cannot be loaded (Cannot find module 'is-not-installed')"
  expect(error).toMatchObject({ code: 'PL-PACKAGE', what })
  expect(error.message).toBe(`this installation: ${what}. Install painlens again.`)
  expect(explainConnectError(error)).toMatchObject({ code: 'PL-PACKAGE', what, fix: 'Install painlens again.' })
  expect(listenError('127.0.0.1', 1, error)).toBe(error)
})
