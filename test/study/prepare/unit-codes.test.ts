/** Action units of the data, on their way from tables, OpenFace's files and coders' files to the rows of `index.csv`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clip, Findings } from '../../../src/study/prepare/clips.js'
import { clipsOfLayout } from '../../../src/study/prepare/layouts.js'
import { parseRule } from '../../../src/study/prepare/rules.js'
import { readTable } from '../../../src/study/prepare/table.js'
import { facsCodingOf } from '../../../src/study/prepare/unit-codes.js'
import { unitColumnOf } from '../../../src/study/unit-columns.js'

let root: string
let findings: Findings
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'painlens-units-'))
  findings = new Findings()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
}

const tableOf = async (text: string): Promise<Clip[]> => {
  put({ 'videos.csv': text })
  return readTable(join(root, 'videos.csv'), undefined, findings)
}
const unitsAt = (clip: Clip | undefined, timeS: number | null = null): unknown =>
  clip?.units && Object.fromEntries(clip.units.at(timeS))

it.each([
  ['AU4', 'AU04'],
  [' au04_R ', 'AU04_r'],
  ['AU45_c', 'AU45_c'],
  ['AU004', 'AU04'],
  ['AU', undefined],
  ['AU4_x', undefined],
  ['AU123', undefined],
  ['audio', undefined]
])('the column "%s" is called %s', (header, name) => {
  expect(unitColumnOf(header)).toBe(name)
})

describe('a table with action units', () => {
  it('gives each row those of its columns; an empty cell is not coded, a word is a problem of its row', async () => {
    const clips = await tableOf('file;label;AU4;au06_r\na.png;pain;3;1,5\nb.png;pain;;0\nc.png;pain;;\nd.png;pain;x;\n')
    expect(clips.map((clip) => unitsAt(clip))).toEqual([{ AU04: 3, AU06_r: 1.5 }, { AU06_r: 0 }, undefined, undefined])
    expect(findings.problems).toEqual(['row 5: AU04 is no number'])
  })

  it('reads FACS codes: what is not named is 0, a unit that never has a letter is there or not', async () => {
    const rows = ['4B+L6C,R6A 43', '0', '', 'AU6+4E', 'frown']
    const clips = await tableOf(`file,label,facs\n${rows.map((facs, i) => `${i}.png,pain,"${facs}"`).join('\n')}\n`)
    expect(clips.map((clip) => unitsAt(clip))).toEqual([
      { AU04: 2, AU06: 3, AU43: 1 },
      { AU04: 0, AU06: 0, AU43: 0 },
      undefined,
      // How strong AU6 is here is not known, for elsewhere it has letters.
      { AU04: 5, AU43: 0 },
      undefined
    ])
    expect(findings.problems).toEqual(['row 6: facs is no FACS code such as 4B+6C+43'])
  })

  it.each(['4F', '4B+', 'AU', '4BC', '123'])('"%s" is no FACS code', (text) => {
    expect(facsCodingOf(text)).toBeUndefined()
  })

  it('takes OpenFace’s values of the moment; not where its face was lost, where it saw several, or is far away', async () => {
    put({
      'p/v.csv': [
        'frame, face_id, timestamp, confidence, success, gaze_0_x, AU04_r, AU12_c',
        '1, 0, 0.000, 0.98, 1, 0.1, 1.23, 0.00',
        '2, 0, 0.040, 0.10, 0, 0.1, 4.00, 1.00',
        '3, 0, 0.080, 0.98, 1, 0.1, 2.50, 1.00',
        '4, 0, 0.120, 0.98, 1, 0.1, 1.00, 0.00',
        '4, 1, 0.120, 0.98, 1, 0.1, 5.00, 1.00',
        ''
      ].join('\n')
    })
    const [clip, other] = await tableOf('file,label,AU06,action_units\nv.mp4,pain,2,p/v.csv\nv.mp4,pain,,p/v.csv\n')
    const at = [0.01, 0.04, 0.079, 0.12, 0.3].map((timeS) => unitsAt(clip, timeS))
    expect(at).toEqual([
      { AU06: 2, AU04_r: 1.23, AU12_c: 0 },
      { AU06: 2 },
      { AU06: 2, AU04_r: 2.5, AU12_c: 1 },
      { AU06: 2 },
      { AU06: 2 }
    ])
    expect(unitsAt(other, 0.08)).toEqual({ AU04_r: 2.5, AU12_c: 1 })
    expect([...findings.leftOut]).toEqual([['action units of a moment with several faces', 1]])
  })

  it('takes OpenFace’s values of a single picture, which have no time', async () => {
    put({ 'a.csv': 'face,confidence,AU04_r\n0,0.9,0.7\n' })
    const [clip] = await tableOf('file,label,action_units\na.png,pain,a.csv\n')
    expect(unitsAt(clip)).toEqual({ AU04_r: 0.7 })
  })

  it('names the rows whose file of action units is missing or is no such file', async () => {
    put({
      'two.csv': 'AU04_r\n1\n2\n',
      'other.csv': 'timestamp,x\n0,1\n',
      'words.csv': 'timestamp,AU04_r\n0,1\n0.1,much\n',
      'empty.csv': ''
    })
    const names = ['gone', 'two', 'other', 'words', 'empty', 'gone']
    await tableOf(`file,label,action_units\n${names.map((name) => `a.png,pain,${name}.csv\n`).join('')}`)
    expect(findings.problems).toEqual([
      'rows 2 and 7: the file in action_units: cannot be read (ENOENT)',
      'row 3: the file in action_units: it has several rows and no column timestamp',
      'row 4: the file in action_units: it has no column of action units (AU04, AU04_r, AU04_c)',
      'row 5: the file in action_units: line 3: AU04_r is no number',
      'row 6: the file in action_units: it has no rows'
    ])
  })

  it('differs for the data set as soon as a value does', async () => {
    const jsonOf = async (value: string, name = 'v.csv'): Promise<string> => {
      put({ [name]: `timestamp,AU04_r\n0,${value}\n` })
      const clips = await tableOf(`file,label,AU06,action_units\nv.mp4,pain,${value},${name}\n`)
      return JSON.stringify(clips[0]!.units)
    }
    expect(await jsonOf('1', 'w.csv')).toBe(await jsonOf('1'))
    expect(await jsonOf('2')).not.toBe(await jsonOf('1'))
  })
})

describe('data sets that are coded by action units', () => {
  const clipsOf = (name: 'unbc' | 'disfa' | 'bp4d', rules: string[] = []): Promise<Clip[]> =>
    clipsOfLayout(name, {
      ...{ root, findings, durationOf: async () => 10, levels: [3, 4], pspi: 1, everyS: 0 },
      rules: rules.map(parseRule)
    })

  it('UNBC-McMaster: a picture’s own units; none where its file is empty, not known where there is no file', async () => {
    const sequence = '042-ll042/ll042t1aaaff'
    const line = (...numbers: number[]): string => `   ${numbers.map((one) => one.toExponential(7)).join('   ')}\n`
    for (const number of ['001', '002', '003', '004'])
      put({
        [`Frame_Labels/PSPI/${sequence}/ll042t1aaaff${number}_facs.txt`]: '4.0\n',
        [`Images/${sequence}/ll042t1aaaff${number}.png`]: 'x'
      })
    put({
      [`Frame_Labels/FACS/${sequence}/ll042t1aaaff001_facs.txt`]: line(4, 3, 0, 0) + line(43, 0, 0, 0),
      [`Frame_Labels/FACS/${sequence}/ll042t1aaaff002_facs.txt`]: '',
      [`Frame_Labels/FACS/${sequence}/ll042t1aaaff003_facs.txt`]: 'broken'
    })
    const clips = await clipsOf('unbc')
    expect(clips.map((clip) => unitsAt(clip))).toEqual([
      { AU04: 3, AU43: 1 },
      { AU04: 0, AU43: 0 },
      undefined,
      undefined
    ])
    expect([...findings.leftOut]).toEqual([['FACS codes that are no numbers', 1]])
  })

  it('DISFA: the strengths of the frame, though a stretch holds many', async () => {
    const column = (values: number[]): string => values.map((value, i) => `${i + 1},${value}`).join('\n')
    put({
      'ActionUnit_Labels/SN001/SN001_au6.txt': column([0, 2, 3, 4, 0]),
      'ActionUnit_Labels/SN001/SN001_au12.txt': column([0, 3, 5, 2, 0]),
      'Videos_LeftCamera/LeftVideoSN001_comp.avi': 'x'
    })
    const clips = await clipsOf('disfa', ['happiness=AU6>=2&AU12>=2'])
    expect(clips).toHaveLength(1)
    // Five frames in ten seconds: a picture is where its frame begins.
    expect([2, 4, 6, 8].map((timeS) => unitsAt(clips[0], timeS))).toEqual([
      { AU06: 2, AU12: 3 },
      { AU06: 3, AU12: 5 },
      { AU06: 4, AU12: 2 },
      { AU06: 0, AU12: 0 }
    ])
  })

  it('BP4D: whether a unit is there, but for those that could not be coded', async () => {
    put({ 'AUCoding/AU_OCC/F001_T1.csv': '0,6,12\n1,0,1\n2,9,1\n3,,0\n' })
    for (const number of '123') put({ [`2D+3D/F001/T1/000${number}.jpg`]: 'x' })
    expect((await clipsOf('bp4d')).map((clip) => unitsAt(clip))).toEqual([
      { AU06: 0, AU12: 1 },
      { AU12: 1 },
      { AU12: 0 }
    ])
  })
})
