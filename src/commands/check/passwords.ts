import { type CheckContext, type Finding, warn } from './finding.js'

/** Only where a password is too short, or too much of a word, to be blotted out of logs and messages without harm. */
export async function checkPasswords({ config, secrets }: CheckContext): Promise<Finding[]> {
  const { facility, cameras } = config
  const places = cameras.flatMap(({ id, location }) => [id, ...Object.values(location)])
  const told = [facility, ...places].filter((text) => typeof text === 'string')
  const findings: Finding[] = []
  if (secrets.tooShort)
    findings.push(warn('PL-PASSWORD-SHORT', 'passwords', 'one has less than 4 characters; logs may show it'))
  if (told.some((text) => secrets.redact(text) !== text))
    findings.push(
      warn(
        'PL-PASSWORD-NAME',
        'passwords',
        'one is a part of a room, bed, camera or facility, whose name alarms show as *** then'
      )
    )
  return findings
}
