/**
 * What is wrong with a URL, or null. The URL itself is never in the answer, only its scheme: in a URL that cannot be
 * parsed nobody knows where the password ends.
 */
export function urlProblem(value: string, schemes: readonly string[]): string | null {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase()
  const allowed = `allowed is a URL that starts with ${schemes.map((name) => `${name}://`).join(', ')}`
  if (!scheme) return `found text that does not start like a URL, ${allowed}`
  if (!schemes.includes(scheme)) return `found a URL that starts with ${scheme}://, ${allowed}`
  const parsed = parse(value)
  if (!parsed?.hostname) return `found a URL without a valid host and port, ${allowed}; ${encoding}`
  if (!decodes(parsed.username) || !decodes(parsed.password))
    return `found a percent sign in the URL's user name or password that encodes nothing, allowed is %25; ${encoding}`
  return null
}

const encoding = `in user name and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25 (what \${file:…}, \${env:…} and \${credential:…} bring in there is encoded for you)`

/**
 * The passwords that a URL holds, as written and decoded; taken up to the last @, so that one which breaks the URL is
 * found too.
 */
export function passwordsOf(url: string): string[] {
  const credentials = /^[a-z0-9+.-]+:\/\/(.*)@/i.exec(url)?.[1]
  if (!credentials?.includes(':')) return []
  const password = credentials.slice(credentials.indexOf(':') + 1)
  return [...new Set([password, decodes(password) ? decodeURIComponent(password) : password])].filter(Boolean)
}

function parse(value: string): URL | null {
  try {
    return new URL(value)
  } catch {
    return null
  }
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
