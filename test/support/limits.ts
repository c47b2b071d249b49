/** Before each test file with processes of its own: the limits of vitest follow the machine as it is now. */
import { vi } from 'vitest'
import { patience } from './slowness.js'

vi.setConfig({ testTimeout: patience(60_000), hookTimeout: patience(60_000) })
