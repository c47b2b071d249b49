import { z } from 'zod'
import type { ErrorCode } from '../core/errors.js'
import { polygonProblem } from './polygon.js'
import { normalUrl, urlProblem } from './url.js'

/** Text of a fixed shape; `allowed` says it in words, for painlens's error, the reference page and editors, which show the same. */
export const shaped = (pattern: RegExp, allowed: string) =>
  z.string().regex(pattern).meta({ patternErrorMessage: allowed })

/** Text that shows: on an alarm a room of blanks reads as none. */
export const text = shaped(/\S/, 'visible text')

/** Text that is never shown: writeOnly in JSON Schema, which all code that reports values respects. */
export const secret = z.string().min(1).meta({ writeOnly: true })

/** A file or a folder; loadConfig makes it absolute. */
export const path = shaped(/\S/, 'a path')

export const numberFrom = (low: number, high: number) => z.number().min(low).max(high)

export const wholeFrom = (low: number, high: number) => z.int().min(low).max(high)

/** A score, a probability or a share. */
export const share = numberFrom(0, 1)

/**
 * A URL of one of `schemes`, which may hold user name and password; they are percent-encoded in what comes out.
 * @param example what the reference page and the error show
 */
export const url = (schemes: readonly string[], example: string) =>
  z
    .string()
    .superRefine((value, context) => {
      const message = urlProblem(value, schemes)
      if (message)
        context.addIssue({ code: 'custom', message, params: { problem: 'PL-CONFIG-URL' satisfies ErrorCode } })
    })
    .overwrite(normalUrl)
    .meta({
      writeOnly: true,
      pattern: `^(${schemes.join('|')})://|\\$\\{`,
      patternErrorMessage: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(', ')}, such as ${example}`
    })

/** No camera's picture is longer than that many times its other side. */
const longestShape = 8

const shapePattern = /^[1-9]\d{0,3}:[1-9]\d{0,3}$/

/** Width and height of a picture, as `16:9`. */
export const pictureShape = shaped(shapePattern, 'width:height, such as "16:9"').superRefine((value, context) => {
  const [width, height] = value.split(':').map(Number) as [number, number]
  if (!shapePattern.test(value) || Math.max(width / height, height / width) <= longestShape) return
  const message = `found "${value}", allowed is width:height from 1:${longestShape} to ${longestShape}:1, such as "16:9"`
  context.addIssue({ code: 'custom', message, params: { problem: 'PL-CONFIG-VALUE' satisfies ErrorCode } })
})

/** At least three corners, [x, y] in 0..1 of the frame's width and height, without a crossing. */
export const polygon = z
  .array(z.tuple([share, share]).meta({ allowed: 'a corner [x, y], two numbers from 0 to 1' }))
  .superRefine((value, context) => {
    const message = polygonProblem(value)
    if (message)
      context.addIssue({ code: 'custom', message, params: { problem: 'PL-CONFIG-OUTLINE' satisfies ErrorCode } })
  })
  .meta({
    minItems: 3,
    allowed: 'at least three corners [x, y], each number from 0 to 1, in order around the outline without a crossing'
  })
