/**
 * The training page's script: a text, since this tree is compiled for Node.js. It reads the faces from the page, builds elements by
 * text content only, and keeps its score in memory. Tested in Chromium.
 */
export const trainingScript = `
'use strict'
const { labels, faces, texts } = JSON.parse(document.getElementById('quiz').textContent)
const card = document.querySelector('main')
const score = labels.map(() => ({ faces: 0, you: 0, model: 0 }))
let at = -1
let onKey = () => {}
const element = (tag, text, props = {}) => Object.assign(document.createElement(tag), { textContent: text ?? '' }, props)
const button = (text, kind, onclick) => element('button', text, { className: kind, type: 'button', onclick })
const show = (...parts) => { card.replaceChildren(...parts); const first = card.querySelector('button.main') || card.querySelector('button'); if (first) first.focus() }
// A key that is held down judges one face, not all that follow.
document.addEventListener('keydown', (event) => { if (event.repeat && event.key === 'Enter') event.preventDefault(); else if (!event.ctrlKey && !event.altKey && !event.metaKey) onKey(event) })

function picture(face, heatmap) {
  const frame = element('div', '', { className: 'face' })
  frame.append(element('img', '', { src: face.face, alt: texts.face }))
  if (heatmap) frame.append(element('img', '', { src: face.heatmap, alt: texts.heatmap, className: 'heatmap' }))
  return frame
}

function ask() {
  at += 1
  if (at >= faces.length) return end()
  const choices = element('div', '', { className: 'choices' })
  labels.forEach((label, i) => choices.append(button(i + 1 + '  ' + label, '', () => answer(i))))
  onKey = (event) => { const i = Number(event.key) - 1; if (Number.isInteger(i) && i >= 0 && i < labels.length) answer(i) }
  show(element('p', (at + 1) + ' / ' + faces.length + ' · ' + texts.question), picture(faces[at], false), choices)
}

function answer(chosen) {
  const face = faces[at]
  const own = score[face.label]
  own.faces += 1
  own.you += Number(chosen === face.label)
  own.model += Number(face.called === face.label)
  const frame = picture(face, true)
  const toggle = button(texts.toggle, '', () => { const map = frame.querySelector('.heatmap'); map.hidden = !map.hidden })
  const next = button(at + 1 < faces.length ? texts.next : texts.finish, 'main', ask)
  const buttons = element('div', '', { className: 'choices' })
  buttons.append(toggle, next)
  onKey = (event) => { if (event.key.toLowerCase() === 'h') toggle.click() }
  const verdict = (is) => (is ? 'right' : 'wrong')
  show(
    element('p', texts.shown + ' ' + labels[face.label] + '.'),
    frame,
    element('p', texts.you + ' ' + labels[chosen] + '.', { className: verdict(chosen === face.label) }),
    element('p', texts.model + ' ' + face.said + '.', { className: verdict(face.called === face.label) }),
    element('p', face.words),
    buttons
  )
}

function end() {
  const table = element('table')
  const row = (tag, cells) => { const line = element('tr'); cells.forEach((cell) => line.append(element(tag, String(cell)))); table.append(line) }
  row('th', [texts.label, texts.faces, texts.yours, texts.models])
  score.forEach((own, i) => { if (own.faces > 0) row('td', [labels[i], own.faces, own.you, own.model]) })
  const sum = (key) => score.reduce((all, own) => all + own[key], 0)
  row('td', [texts.all, sum('faces'), sum('you'), sum('model')])
  onKey = () => {}
  const again = button(texts.again, 'main', () => { at = -1; score.forEach((own) => Object.assign(own, { faces: 0, you: 0, model: 0 })); ask() })
  show(element('p', texts.done), table, element('p', texts.caution, { className: 'note' }), again)
}
ask()
`
