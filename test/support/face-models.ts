/** The face models of the checkout. test/build-first.ts has made them of these very sources, so that no test file has to make its own. */
import { join } from 'node:path'
import { packageRoot } from '../../src/core/version.js'
import { faceModelFiles } from '../../src/lib/face/model-files.js'

export const faceModelFolder = join(packageRoot, 'models/face')
export const faceModels = faceModelFiles(faceModelFolder)
