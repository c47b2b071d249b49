import { useRef, useState } from 'preact/hooks'
import type { SessionAnswer } from '../wire.js'
import { post } from './api.js'
import type { Words } from './texts.js'

export function LoginForm({ words, onLogin }: { words: Words; onLogin: (session: SessionAnswer) => void }) {
  const token = useRef<HTMLInputElement>(null)
  const name = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState('')
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const answer = await post<SessionAnswer>('/api/login', { token: token.current!.value, name: name.current!.value })
    if (answer.ok) return onLogin(answer.value)
    const { retry_s, error, code } = answer.refusal
    if (retry_s === undefined) return setProblem(words.failed(error))
    return setProblem([code === 'PL-PAGE-TOKEN' ? words.wrongToken : '', words.wait(retry_s)].join(' ').trim())
  }
  return (
    <form class="panel login" onSubmit={(event) => void submit(event)}>
      <h2>{words.logIn}</h2>
      <label>
        {words.name}
        <input ref={name} required maxLength={40} autocomplete="nickname" aria-describedby="name-hint" />
      </label>
      <p id="name-hint" class="dim">
        {words.nameHint}
      </p>
      <label>
        {words.token}
        <input ref={token} required type="password" maxLength={500} autocomplete="current-password" />
      </label>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" class="first">
        {words.logIn}
      </button>
    </form>
  )
}
