import { createRequire } from 'node:module'
import type * as tfjsWasm from '@tensorflow/tfjs-backend-wasm'
import type * as tfjs from '@tensorflow/tfjs-core'
import type * as fastify from 'fastify'
import type * as mqtt from 'mqtt'
import type sharp from 'sharp'
import { messageOf, PainlensError } from './errors.js'

/** CommonJS packages that are loaded when they are first used. */
interface Packages {
  '@tensorflow/tfjs-backend-wasm': typeof tfjsWasm
  '@tensorflow/tfjs-core': typeof tfjs
  fastify: typeof fastify
  mqtt: typeof mqtt
  sharp: typeof sharp
}

const require = createRequire(import.meta.url)

/**
 * Loads a CommonJS package at its first use, as a dynamic `import` would. That also parses each of the package's files for the names of their
 * exports, which takes longer than running them: mqtt is there after 0.06 s instead of 0.12, sharp after 0.04 instead
 * of 0.08, tfjs after 0.04 instead of 0.2.
 * @throws PainlensError where it is missing or damaged; one that is mended meanwhile is loaded the next time
 */
export function requirePackage<Name extends keyof Packages>(name: Name): Packages[Name] {
  try {
    return require(name) as Packages[Name]
  } catch (error) {
    // Node.js tells behind it, in further lines, which files have asked for it.
    const why = messageOf(error).split('\n')[0]
    throw new PainlensError('PL-PACKAGE', `the package ${name} cannot be loaded (${why})`, 'this installation', {
      cause: error
    })
  }
}
