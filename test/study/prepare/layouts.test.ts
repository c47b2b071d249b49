import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LayoutName } from '../../../src/study/choices.js'
import { type Clip, Findings } from '../../../src/study/prepare/clips.js'
import type { LayoutContext } from '../../../src/study/prepare/layout-context.js'
import { clipsOfLayout } from '../../../src/study/prepare/layouts.js'
import { parseRule } from '../../../src/study/prepare/rules.js'
import { readTable } from '../../../src/study/prepare/table.js'

let root: string
let findings: Findings
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'painlens-layout-'))
  findings = new Findings()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
}

const clips = async (name: LayoutName, changed: Partial<LayoutContext> = {}): Promise<Partial<Clip>[]> => {
  const context = {
    root,
    findings,
    durationOf: async () => 10,
    levels: [3, 4],
    pspi: 2,
    rules: [],
    everyS: 0,
    ...changed
  }
  const found = await clipsOfLayout(name, context)
  return found.map(({ file, row: _, ...clip }) => ({ ...clip, file: file.slice(root.length + 1) }))
}

describe('layouts of data sets', () => {
  it('BioVid: heat levels 3 and 4 are pain, 0 is neutral, others are left out', async () => {
    const name = '071309_w_21'
    const row = (id: number, kind: string): string => `1\t${name}\t${id}\t${kind}\t81\t${name}-${kind}-081`
    const header = 'subject_id\tsubject_name\tclass_id\tclass_name\tsample_id\tsample_name'
    put({
      'samples.csv': [header, row(0, 'BL1'), row(1, 'PA1'), row(3, 'PA3'), row(4, 'PA4')].join('\n'),
      [`PartA/video/${name}/${name}-BL1-081.mp4`]: 'x',
      [`PartA/video/${name}/${name}-PA3-081.mp4`]: 'x'
    })
    const found = await clips('biovid')
    expect(found.map(({ label, intensity, subject }) => [subject, label, intensity])).toEqual([
      [name, 'neutral', 0],
      [name, 'pain', 3],
      [name, 'pain', 4]
    ])
    expect(found[1]!.file).toBe(`PartA/video/${name}/${name}-PA3-081.mp4`)
    // A file that is missing keeps its row, so that it is told with the others.
    expect(found[2]!.file).toContain(`${name}-PA4-081.mp4`)
    expect([...findings.leftOut]).toEqual([['heat level 1', 1]])
  })

  it('BioVid: a row without a heat level is a problem, not neutral', async () => {
    const row = (level: string, i: number): string => `1\tw_21\t${level}\tBL1\t${i}\tw_21-BL1-08${i}`
    const header = 'subject_id\tsubject_name\tclass_id\tclass_name\tsample_id\tsample_name'
    put({ 'samples.csv': [header, row('', 1), row(' ', 2), row('x', 3), row('0', 4)].join('\n') })
    expect((await clips('biovid')).map(({ label }) => label)).toEqual(['neutral'])
    expect(findings.problems).toEqual(['rows 2, 3 and 4: subject_name, sample_name or class_id is missing'])
  })

  it('UNBC-McMaster: pain from the PSPI on, neutral at 0, and nothing between', async () => {
    const sequence = '042-ll042/ll042t1aaaff'
    for (const [number, pspi] of Object.entries({ '001': '0.0\n', '002': '   1.0', '003': '4.0' }))
      put({
        [`Frame_Labels/PSPI/${sequence}/ll042t1aaaff${number}_facs.txt`]: pspi,
        [`Images/Images/${sequence}/ll042t1aaaff${number}.png`]: 'x'
      })
    put({ [`Frame_Labels/PSPI/${sequence}/ll042t1aaaff004_facs.txt`]: '' })
    expect(await clips('unbc')).toEqual([
      expect.objectContaining({ subject: '042-ll042', label: 'neutral', intensity: 0 }),
      expect.objectContaining({ label: 'pain', intensity: 4, file: `Images/Images/${sequence}/ll042t1aaaff003.png` })
    ])
    expect([...findings.leftOut]).toEqual([['a PSPI above 0 and below 2', 1]])
    expect(findings.problems).toEqual([expect.stringContaining('004_facs.txt: it holds no number')])
    expect((await clips('unbc', { pspi: 1 })).map(({ label }) => label)).toEqual(['neutral', 'pain', 'pain'])
  })

  it.each([
    ['numbers in the header, names of four digits', '0,6,12', '0001.jpg'],
    ['AU in the header, names of three digits', 'Frame,AU06,AU12', '001.jpg']
  ])('BP4D, %s: the tasks are the labels, a rule picks the frames', async (_, header, picture) => {
    put({
      'AUCoding/AU_OCC/F001_T1.csv': `${header}\n1,0,1\n2,1,1\n3,9,1\n`,
      'AUCoding/AU_OCC/F001_T6.csv': `${header}\n1,0,0\n`,
      'AUCoding/AU_OCC/F001_T2.csv': `${header}\n1,0,0\n`
    })
    for (const task of ['T1', 'T2', 'T6'])
      for (const number of '123') put({ [`2D+3D/F001/${task}/${picture.replace('1', number)}`]: 'x' })
    const labels = async (rules: string[]): Promise<unknown> =>
      (await clips('bp4d', { rules: rules.map(parseRule) })).map(({ file, label }) => [
        file?.slice(-picture.length),
        label
      ])
    const [first, second, third] = [...'123'].map((number) => picture.replace('1', number))
    expect(await labels([])).toEqual([
      [first, 'happiness'],
      [second, 'happiness'],
      [third, 'happiness'],
      [first, 'pain']
    ])
    // 9 says that the unit could not be coded: neither there nor absent.
    expect(await labels(['happiness=AU6<=0'])).toEqual([
      [first, 'happiness'],
      [first, 'pain']
    ])
    expect(await labels(['happiness=AU6>=1'])).toEqual([
      [second, 'happiness'],
      [first, 'pain']
    ])
  })

  it('BP4D: a picture that is missing takes no other picture of its task with it', async () => {
    put({
      'AUCoding/AU_OCC/F001_T6.csv': '0,6\n1,1\n2,1\n3,1\n',
      '2D+3D/F001/T6/1.jpg': 'x',
      '2D+3D/F001/T6/3.jpg': ''
    })
    const context = { durationOf: async () => 10, levels: [3, 4], pspi: 2, rules: [], everyS: 0 }
    const found = await clipsOfLayout('bp4d', { root, findings, ...context })
    expect(findings.problems).toEqual(['AUCoding/AU_OCC/F001_T6.csv: coded pictures are missing'])
    expect(found.map(({ row }) => [row, findings.isWrong(row)])).toEqual([
      ['2D+3D/F001/T6/1.jpg', false],
      ['2D+3D/F001/T6/3.jpg', false]
    ])
    // What is wrong with one of them, such as that it is empty, is its own.
    findings.problem('the file is empty (0 bytes)', found[1]!.row)
    expect(found.map(({ row }) => findings.isWrong(row))).toEqual([false, true])
  })

  it('DISFA: stretches of frames of which a rule holds, by time', async () => {
    const column = (values: number[]): string => values.map((value, i) => `${i + 1},${value}`).join('\n')
    put({
      'ActionUnit_Labels/SN001/SN001_au6.txt': column([0, 2, 3, 0, 0]),
      'ActionUnit_Labels/SN001/SN001_au12.txt': column([0, 3, 3, 3, 0]),
      'Videos_LeftCamera/LeftVideoSN001_comp.avi': 'x',
      'Videos_RightCamera/RightVideoSN001_comp.avi': 'x'
    })
    const rules = ['happiness=AU6>=2&AU12>=2', 'neutral=all<=0'].map(parseRule)
    expect(await clips('disfa', { rules })).toEqual([
      expect.objectContaining({
        label: 'neutral',
        startS: 0,
        endS: 2,
        file: 'Videos_LeftCamera/LeftVideoSN001_comp.avi'
      }),
      expect.objectContaining({ label: 'happiness', startS: 2, endS: 6, subject: 'SN001' }),
      expect.objectContaining({ label: 'neutral', startS: 8, endS: 10 })
    ])
    await expect(clips('disfa')).rejects.toMatchObject({ code: 'PL-OPTION-VALUE', where: '--rule' })
  })

  it('RAF-DB: seven labels, no subjects, and the original picture before the aligned one', async () => {
    put({
      'EmoLabel/list_patition_label.txt': 'train_00001.jpg 5\ntrain_00002.jpg 4\ntest_0001.jpg 3\ntest_0002.jpg 8\n',
      'Image/aligned/train_00001_aligned.jpg': 'x',
      'Image/aligned/train_00002_aligned.jpg': 'x',
      'Image/original/train_00002.jpg': 'x'
    })
    expect((await clips('rafdb')).map(({ file, label, subject }) => [file, label, subject])).toEqual([
      ['Image/aligned/train_00001_aligned.jpg', 'sadness', ''],
      ['Image/original/train_00002.jpg', 'happiness', ''],
      ['Image/original/test_0001.jpg', 'disgust', '']
    ])
    expect(findings.problems).toEqual(['row 4: its label is not one of 1 to 7'])
  })

  it('folders: the class, and the subject where there is a folder for each', async () => {
    put({
      'Pain/anna/a.png': 'x',
      'Pain/b.mp4': 'x',
      'neutral/anna/deep/c.png': 'x',
      'notes.txt': 'x',
      'Pain/.hidden': 'x'
    })
    expect((await clips('folders')).map(({ file, label, subject }) => [file, label, subject])).toEqual([
      ['Pain/anna/a.png', 'pain', 'anna'],
      ['Pain/b.mp4', 'pain', ''],
      ['neutral/anna/deep/c.png', 'neutral', 'anna']
    ])
  })

  it.each<LayoutName>(['biovid', 'unbc', 'bp4d', 'rafdb', 'folders'])(
    'a folder that is no %s is refused',
    async (name) => {
      await expect(clips(name)).rejects.toMatchObject({ code: 'PL-STUDY-LAYOUT' })
    }
  )
})

describe('the table', () => {
  const text = 'file,subject,label,start_s,end_s\nä.mp4,Müller,pain,1.5,2.5\n'
  const german = 'file;subject;label;start_s;end_s\r\nä.mp4;Müller;pain;1,5;2,5\r\n'
  const utf16 = (content: string, swapped: boolean): Buffer => {
    const bytes = Buffer.from(`\ufeff${content}`, 'utf16le')
    return swapped ? bytes.swap16() : bytes
  }

  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16, low byte first', utf16(text, false)],
    ['UTF-16, high byte first', utf16(text, true)],
    ['UTF-16 without a mark', Buffer.from(text, 'utf16le')],
    ['semicolons, decimal commas and Windows-1252', Buffer.from(german, 'latin1')],
    ['tabs and capitals in the header', Buffer.from(text.replaceAll(',', '\t').replace('file', 'File'))],
    ['lines that end in several ways', Buffer.from(`${text.trimEnd().replace('\n', '\r\n')}\n\r\n\n`)],
    ['empty columns that a spreadsheet left behind', Buffer.from(text.replaceAll('\n', ',,\n'))]
  ])('is read in %s', async (_, bytes) => {
    put({ 'videos.csv': bytes })
    expect(await readTable(join(root, 'videos.csv'), undefined, findings)).toEqual([
      {
        ...{ row: 'row 2', file: join(root, 'ä.mp4'), subject: 'Müller', label: 'pain', source: 'table' },
        ...{ startS: 1.5, endS: 2.5, intensity: null }
      }
    ])
    expect(findings.problems).toEqual([])
  })

  it('without a column that is needed is refused', async () => {
    put({ 'videos.csv': 'video,label\na.mp4,pain\n' })
    await expect(readTable(join(root, 'videos.csv'), undefined, findings)).rejects.toMatchObject({
      code: 'PL-STUDY-TABLE',
      what: 'it has no column file, only video, label'
    })
  })

  it('with a quote that is never closed, or one action unit in two columns, is refused: rows or values would be lost without a word', async () => {
    for (const [text, what] of [
      [
        'file,label\na.mp4,pain\n"b.mp4,pain\nc.mp4,pain\n',
        'a quote in row 3 is never closed, so that all rows behind it would be in one cell'
      ],
      [
        'file,label,AU4,au04\na.mp4,pain,1,5\n',
        'its columns au4 and au04 are the same action unit, of which one can count'
      ]
    ] as const) {
      put({ 'videos.csv': text })
      await expect(readTable(join(root, 'videos.csv'), undefined, findings)).rejects.toMatchObject({ what })
    }
  })

  it('with a quote inside a cell in quotes names that row', async () => {
    put({ 'videos.csv': 'file,label\na.mp4,pain\n"b"c.mp4",pain\nd.mp4,pain\n' })
    await readTable(join(root, 'videos.csv'), undefined, findings)
    expect(['row 2', 'row 3', 'row 4'].filter((row) => findings.isWrong(row))).toEqual(['row 3'])
  })

  it.each([
    [
      'blank rows',
      'file,label\na.mp4,pain\n\n\nb.mp4\n',
      ['row 5: Too few fields: expected 2 fields but parsed 1', 'row 5: label is empty']
    ],
    ['rows of empty cells, as a spreadsheet writes them', 'file;label\n;\n ; \n;pain\n', ['row 4: file is empty']],
    ['blank rows before the header', '\n;\n File;Label\n;pain\n', ['row 4: file is empty']],
    [
      'blank rows before a broken quote',
      'file,label\n\n"b"c.mp4",pain\n',
      ['row 3: Trailing quote on quoted field is malformed']
    ]
  ])('with %s names the row that a spreadsheet shows', async (_, text, problems) => {
    put({ 'videos.csv': text })
    await readTable(join(root, 'videos.csv'), undefined, findings)
    expect(findings.problems).toEqual(problems)
  })

  it('with blank rows and a quote that is never closed names that row', async () => {
    put({ 'videos.csv': 'file,label\n\na.mp4,pain\n"b.mp4,pain\n' })
    await expect(readTable(join(root, 'videos.csv'), undefined, findings)).rejects.toMatchObject({
      what: expect.stringMatching(/^a quote in row 4 is never closed/)
    })
  })

  it('with two columns of the same name is refused, however they are written', async () => {
    put({ 'videos.csv': 'file,label, Label\na.mp4,pain,disgust\n' })
    await expect(readTable(join(root, 'videos.csv'), undefined, findings)).rejects.toMatchObject({
      code: 'PL-STUDY-TABLE',
      what: 'it has more than one column label, of which one can count'
    })
  })

  it('names the rows that a damaged file left without a usable name', async () => {
    put({ 'videos.csv': 'file,label,subject\na\0.mp4,pain,a\nb.mp4,pain,b\0b\nc.mp4,pain,c\n' })
    const clips = await readTable(join(root, 'videos.csv'), undefined, findings)
    expect(findings.problems).toEqual([
      'row 2: file has a line break, or another character that no name has',
      'row 3: subject has a line break, or another character that no name has'
    ])
    expect(clips[0]!.file).toBe('')
  })

  it('names the rows of each problem once', async () => {
    put({ 'videos.csv': `file,label,start_s\n${'a.mp4,,x\n'.repeat(3)},pain,1\n` })
    await readTable(join(root, 'videos.csv'), undefined, findings)
    expect(findings.problems).toEqual([
      'rows 2, 3 and 4: label is empty',
      'rows 2, 3 and 4: start_s is no number of seconds, such as 62.5',
      'row 5: file is empty'
    ])
  })
})

describe('rules over action units', () => {
  it.each(['happiness', 'happiness=', 'happiness=AU6', 'happiness=6>=2', 'a b=AU1>1', 'x=AU6>=2&'])(
    '"%s" is refused',
    (text) => {
      expect(() => parseRule(text)).toThrow(/is no rule such as/)
    }
  )
})
