import { errorAreas } from '#painlens/core/error-codes/index.js'

/** docs/operate/errors.md: each code with its cause and what to do, from the tables in src/core/error-codes. */
export function errorsPage(): string {
  const toc = errorAreas.map(({ title }) => `- [${title}](#${anchorOf(title)})`)
  const chapters = errorAreas.flatMap(({ title, about, codes }) => [
    `## ${title}`,
    ...(about ? [about] : []),
    ...Object.entries(codes).map(([code, { cause, fix }]) => `### ${code}\n\n${shown(cause)}\n\n→ ${shown(fix)}`)
  ])
  return [introduction, toc.join('\n'), ...chapters].join('\n\n').concat('\n')
}

const introduction = `# Every error by its code: the cause, and what to do

For everyone who sees an error of painlens. It ends with a code in brackets, as in

    painlens: camera room-312 at rtsp://10.0.0.31/stream: the camera refuses user name or password. Correct them … [PL-CAMERA-LOGIN]

\`painlens check\` prints it with each line that is not ok, and a log line, a technical alarm, the answer to a command and an answer over HTTP
have it as \`code\`. Below is the cause of each code and, after the arrow, what to do, unless the error itself is more precise. A
code keeps its meaning from release to release.

\`npm run generate\` makes this page from the tables in \`src/core/error-codes\`.`

const shown = (text: string): string => text.replaceAll('<', '&lt;').replaceAll('*', '\\*')

/** As GitHub makes the anchor of a heading. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')
