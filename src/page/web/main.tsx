import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { LanguageCode } from '../../contract/languages/index.js'
import type { Role, Row, SessionAnswer } from '../wire.js'
import { session as askSession, post } from './api.js'
import { lostMs, useFeed } from './feed.js'
import { LoginForm } from './login.js'
import './style.css'
import { keep, kept } from './kept.js'
import { screenOf } from './screen.js'
import { type Words, wordsOf } from './texts.js'
import { WardView } from './ward.js'

const screens = { ward: ['ward', 'night'], technician: ['ward', 'night', 'technician'] } as const satisfies Record<
  Role,
  unknown
>
type Screen = (typeof screens)[Role][number]

/** A ward's tablet needs neither. */
const Night = screenOf(() => import('./night.js'))
const Technician = screenOf(() => import('./technician.js'))

/** Undefined: not asked yet. Null: not logged in. */
type SessionState = SessionAnswer | null | undefined

function Page() {
  const [code, setCode] = useState<LanguageCode>(() => kept('language', ['en', 'de']) ?? languageOfBrowser())
  const [theme, setTheme] = useState(() => kept('theme', ['light', 'dark']) ?? themeOfBrowser())
  const [session, setSession] = useState<SessionState>()
  const words = wordsOf(code)
  useEffect(() => {
    document.documentElement.lang = code
    document.documentElement.dataset.theme = theme
    document.title = `painlens – ${session ? words.ward : words.logIn}`
  }, [code, theme, session])
  useEffect(() => void findSession(setSession), [])
  const other = code === 'de' ? 'en' : 'de'
  const [screen, setScreen] = useState<Screen>('ward')
  const logOut = (): void => {
    setSession(null)
    setScreen('ward')
  }
  const otherTheme = theme === 'dark' ? 'light' : 'dark'
  return (
    <>
      <a class="skip" href="#main">
        {words.content}
      </a>
      <header>
        <h1>painlens</h1>
        {session &&
          screens[session.role].map((one) => (
            <button key={one} type="button" aria-pressed={screen === one} onClick={() => setScreen(one)}>
              {words[one]}
            </button>
          ))}
        <span class="fill" />
        <button type="button" lang={other} onClick={() => setCode(keep('language', other))}>
          {words.language}
        </button>
        <button type="button" onClick={() => setTheme(keep('theme', otherTheme))}>
          {words.theme}
        </button>
        {session && (
          <button type="button" onClick={() => void post('/api/logout').then(() => logOut())}>
            {words.logOut} (<bdi>{session.name}</bdi>)
          </button>
        )}
      </header>
      {session === undefined && <p>{words.loading}</p>}
      {session === null && (
        <main id="main" tabindex={-1}>
          <LoginForm words={words} onLogin={setSession} />
        </main>
      )}
      {session && <Watching {...{ words, screen }} onLoggedOut={logOut} />}
      <footer class="dim">{words.mirror}</footer>
    </>
  )
}

/** A box that is being restarted is asked again. */
async function findSession(set: (session: SessionState) => void): Promise<void> {
  const answer = await askSession()
  if (answer.ok) set(answer.value)
  else if (answer.status === 401) set(null)
  else setTimeout(() => void findSession(set), 2000)
}

interface WatchingProps {
  words: Words
  screen: Screen
  onLoggedOut: () => void
}

function Watching({ words, screen, onLoggedOut }: WatchingProps) {
  const { rows, silentMs, now } = useFeed(onLoggedOut)
  const lost = silentMs > lostMs
  const boxes = [...(rows?.values() ?? [])].filter((row) => row.kind === 'box')
  return (
    <main id="main" tabindex={-1}>
      {lost && (
        <p class="banner bad" role="alert">
          {words.linkLost(Math.round(silentMs / 1000))}
        </p>
      )}
      {!lost && boxes.some(({ broker }) => !broker) && (
        <p class="banner bad" role="alert">
          {words.brokerAway}
        </p>
      )}
      {boxes.some(isDemonstration) && <p class="banner">{words.demonstration}</p>}
      {screen === 'night' && <Night words={words} />}
      {screen === 'technician' && <Technician words={words} />}
      {screen === 'ward' && (rows ? <WardView {...{ rows, words, now, lost }} /> : <p>{words.loading}</p>)}
    </main>
  )
}

const isDemonstration = (row: Row): boolean => row.kind === 'box' && row.demonstration

const languageOfBrowser = (): LanguageCode => (navigator.language.startsWith('de') ? 'de' : 'en')
const themeOfBrowser = () => (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark')

render(<Page />, document.getElementById('page')!)
