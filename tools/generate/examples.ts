import { commandNames } from '#painlens/contract/messages.js'
import { commandFile, messageFile } from '#painlens/contract/schemas.js'
import { type Kind, topics } from '#painlens/contract/topics.js'

export interface Example {
  /** The schema's file: `camera-state`, `command-ack`; null where the page does not say what it is an example of. */
  of: string | null
  text: string
}

const fence = /^```json\n(.*?)^```$/gms

/**
 * The examples of the contract's page: its JSON blocks, one object over several lines or one on each. A block belongs to the topic of
 * the heading above it, in the part on commands to the last command that is named before it, or to the answers.
 */
export function examplesOf(page: string): Example[] {
  return page.split(/^## /m).flatMap((section) => {
    const heading = section.split('\n', 1)[0]!
    return [...section.matchAll(fence)].flatMap((match) => {
      const lines = match[1]!.trim().split('\n')
      const texts = lines.every((line) => line.startsWith('{') && line.endsWith('}')) ? lines : [match[1]!.trim()]
      const before = section.slice(0, match.index)
      return texts.map((text) => ({ of: heading === 'Commands' ? commandOf(before, text) : kindOf(heading), text }))
    })
  })
}

function kindOf(heading: string): string | null {
  const kind = (Object.keys(topics) as Kind[]).find(
    (one) => heading === `base/${topics[one].topic.replace('+', '<id>')}`
  )
  return kind === undefined ? null : messageFile(kind)
}

function commandOf(before: string, text: string): string | null {
  if (text.includes('"status"')) return messageFile('response')
  const named = [...before.matchAll(/`base\/command\/([a-z_]+)`/g)].at(-1)?.[1]
  const command = commandNames.find((name) => name === named)
  return command === undefined ? null : commandFile(command)
}
