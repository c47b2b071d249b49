import { execFile } from 'node:child_process'
import { elementsOf, type GstElements } from './gst-elements.js'

/** The first question of all may have GStreamer look through its plugins. */
const probeMs = 20_000

/** Whether GStreamer is there with all that a decoder is made of. */
export async function hasElements(elements: GstElements, gstInspect = 'gst-inspect-1.0'): Promise<boolean> {
  // One after the other: the first may write GStreamer's list of plugins.
  for (const element of elementsOf(elements)) if (!(await exists(element, gstInspect))) return false
  return true
}

function exists(element: string, gstInspect: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(gstInspect, ['--exists', element], { timeout: probeMs }, (error) => resolve(error === null))
  })
}
