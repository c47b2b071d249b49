import { execFile } from 'node:child_process'
import { elementsOf, type GstElements } from './gst-elements.js'

/** The first question of all may have GStreamer look through its plugins. */
const probeMs = 20_000

/** The first element of all that a decoder is made of that GStreamer lacks; undefined where it has them all. */
export async function missingElement(
  elements: GstElements,
  gstInspect = 'gst-inspect-1.0'
): Promise<string | undefined> {
  // One after the other: the first may write GStreamer's list of plugins.
  for (const element of elementsOf(elements)) if (!(await exists(element, gstInspect))) return element
  return undefined
}

function exists(element: string, gstInspect: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(gstInspect, ['--exists', element], { timeout: probeMs }, (error) => resolve(error === null))
  })
}
