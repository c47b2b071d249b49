/** What was said of the alarms of a night, by room. */
import type { NightFeedback } from '../wire.js'
import type { NightTexts } from './night-texts.js'
import { byPlace, placeOf } from './rooms.js'
import type { Words } from './texts.js'

interface AnswersProps {
  rows: readonly NightFeedback[]
  /** Of the night. */
  query: string
  words: Words
  texts: NightTexts
}

export function AnswersTable({ rows, query, words, texts: { answers } }: AnswersProps) {
  const sorted = [...rows].sort(byPlace)
  return (
    <>
      <table class="answers">
        <caption>
          <h3>{answers.title}</h3>
          <span class="dim">{answers.hint}</span>
        </caption>
        <thead>
          <tr>
            <th scope="col">{words.room}</th>
            {answers.columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)}>
              <th scope="row">
                <bdi>{placeOf(row, words)}</bdi>
              </th>
              <td>{row.alarms}</td>
              <td>{row.false_alarm}</td>
              <td>{row.seen}</td>
              <td>{row.unanswered}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul class="advice">
        {sorted.map((row) => (
          <li key={keyOf(row)}>
            <bdi>{placeOf(row, words)}</bdi>: {row.advice[words.code]}
          </li>
        ))}
      </ul>
      <div class="buttons">
        <a class="button" href={`/api/feedback.csv?${query}`} download>
          {answers.csv}
        </a>
      </div>
    </>
  )
}

const keyOf = ({ device, camera }: NightFeedback): string => `${device}/${camera}`
