/** YAML's syntax errors in plain words; keys are the yaml package's codes. */
const explanations: Record<string, string> = {
  ALIAS_PROPS: 'found an alias (*) with an anchor or a tag, allowed is the alias alone',
  BAD_ALIAS: 'found * or & without a usable name; put text that begins so in quotes',
  BAD_COLLECTION_TYPE: 'found a tag (!) that does not fit, allowed are values without tags',
  BAD_DIRECTIVE: 'found a line that begins with % in an unknown meaning; remove it',
  BAD_DQ_ESCAPE: 'found a backslash in double quotes that escapes nothing; use single quotes',
  BAD_INDENT: 'found a line that is indented otherwise than its neighbours',
  BAD_PROP_ORDER: 'found an anchor (&) or a tag (!) in a wrong place; remove it',
  BAD_SCALAR_START: 'found text that begins with @ or `; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'found two "key:" on one line; put the second on its own line, or text with ": " in quotes',
  BLOCK_IN_FLOW: 'found a list or a section of several lines between brackets',
  DUPLICATE_KEY: 'found a key for the second time; keep one of them',
  KEY_OVER_1024_CHARS: 'found a key of more than 1024 letters',
  MISSING_CHAR: 'found a quote, bracket, comma or colon missing (or no space after a colon)',
  MULTILINE_IMPLICIT_KEY: 'found a key that goes over several lines; is there a colon missing, or a quote?',
  MULTIPLE_ANCHORS: 'found two anchors (&) on one value',
  MULTIPLE_DOCS: 'found a second document (a line of ---), allowed is one',
  MULTIPLE_TAGS: 'found two tags (!) on one value',
  NON_STRING_KEY: 'found a key that is no text',
  RESOURCE_EXHAUSTION: 'found values nested too deeply',
  TAB_AS_INDENT: 'found a tab in the indentation, allowed are spaces',
  TAG_RESOLVE_FAILED: 'found an unknown tag (a word that begins with !); put text that begins so in quotes',
  UNEXPECTED_TOKEN:
    'found something that does not belong here; is there a quote, bracket or indentation wrong before it?'
}

/**
 * A YAML syntax error in words. The yaml package's own message is not used: it may quote the text, hence a password.
 * @param code the yaml package's error code
 */
export function syntaxProblem(code: string): string {
  return explanations[code] ?? 'found text that is no YAML'
}
