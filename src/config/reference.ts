import { allowedBy, isNullable, nonNull, type SchemaNode } from '../core/allowed.js'
import { jsonSchema } from './json-schema.js'

const introduction = `# Config reference

For the technician: every key of the config, what it does, what is allowed and its default. Written by \`npm run generate\` from
\`src/config/schema.ts\`; do not edit.

YAML; \`config/painlens.yaml\` is an example with comments. Every command takes the first of these: \`--config FILE\`, \`$PAINLENS_CONFIG\`,
\`./painlens.yaml\`, \`/etc/painlens/painlens.yaml\`, and says which one it is. Where that is the file that the installed service reads, a command has the
service's folders and credentials, too. The smallest config that works:

    device: ward-3
    mqtt: { url: "mqtt://192.0.2.2:1883" }
    cameras:
      - id: room-312
        url: rtsp://192.0.2.10:554/stream1

- \`painlens check --config FILE\` reads the file and tries everything in it. All mistakes are reported together, with line and
  column. Unknown keys are refused. With a first line of \`# yaml-language-server: $schema=painlens.schema.json\` editors mark mistakes.
- A value may be or contain \`\${env:NAME}\`, \`\${file:/path}\` or \`\${credential:NAME}\` (from systemd's \`LoadCredential=\`). Files
  and credentials lose one newline at their end. In a URL's user name and password the value is percent-encoded, so the
  file holds the password as it is. Inserted values are never shown: all of files and credentials, and of \`env\` those
  in a URL or a password. A placeholder inside \`{ … }\` or \`[ … ]\` needs quotes around the value.
- A key without a value has its default.
- A relative path starts from the config file's folder; \`outbox.path\`, \`alarm_log.path\`, \`page.path\` and \`privacy.save_heatmaps_to\` from systemd's
  state folder (\`$STATE_DIRECTORY\`) where there is one.
- Polygons are lists of corners \`[x, y]\` in order around the outline; \`[0, 0]\` is the top left of the picture, \`[1, 1]\` the bottom right.
`

interface Row {
  key: string
  node: SchemaNode
  required: boolean
}

/** The reference page, docs/operate/config.md, as Markdown: a table for the top level and one for each section. */
export function referencePage(): string {
  const rows = rowsOf(jsonSchema)
  const isSection = ({ node }: Row): boolean => section(node) !== null
  const top = ['## Top level', '', table(rows.filter((row) => !isSection(row)))]
  const sections = rows.filter(isSection).flatMap((row) => chapter(row.key, row.node))
  return `${[introduction, ...top, ...sections].join('\n')}\n`
}

function chapter(key: string, node: SchemaNode): string[] {
  const inner = section(node)!
  const title = node.type === 'array' ? `${key}[]` : key
  return ['', `## ${title}`, '', node.description ?? '', '', table(flatRows(inner, ''))]
}

/** The keys of a section, or of a list's items; null where there are none. */
function section(node: SchemaNode): SchemaNode | null {
  const inner = node.type === 'array' && !Array.isArray(node.items) ? node.items : node
  return inner?.properties ? inner : null
}

const rowsOf = (node: SchemaNode): Row[] =>
  Object.entries(node.properties ?? {}).map(([key, value]) => ({
    key,
    node: value,
    required: node.required?.includes(key) ?? false
  }))

/** Sections within a section become dotted keys. */
function flatRows(node: SchemaNode, prefix: string): Row[] {
  return rowsOf(node).flatMap((row) => {
    const key = `${prefix}${row.key}`
    const inner = section(row.node)
    if (!inner) return [{ ...row, key }]
    return flatRows(inner, `${key}${row.node.type === 'array' ? '[]' : ''}.`)
  })
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ key, node, required }) => {
    const cells = [`\`${key}\``, node.description ?? '', allowedBy(node), required ? 'required' : defaultText(node)]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| key | what | allowed | default |', '|---|---|---|---|', ...lines].join('\n')
}

function defaultText(node: SchemaNode): string {
  if (node.default === undefined || (node.default === null && isNullable(node))) return ''
  const value = nonNull(node).default
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}
