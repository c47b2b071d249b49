/** A screen whose script is fetched when it is first shown. */
import type { ComponentType, VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Words } from './texts.js'

interface ScreenProps {
  words: Words
}

export function screenOf(load: () => Promise<{ default: ComponentType<ScreenProps> }>) {
  let Loaded: ComponentType<ScreenProps> | null = null
  return ({ words }: ScreenProps): VNode => {
    const [failed, setFailed] = useState(false)
    const [, setReady] = useState(Loaded !== null)
    useEffect(() => {
      load()
        .then((script) => {
          Loaded = script.default
          setReady(true)
        })
        // Another version of painlens runs by now, or the connection is lost.
        .catch(() => setFailed(true))
    }, [])
    if (Loaded) return <Loaded words={words} />
    return failed ? <p class="problem">{words.failed(words.oldPage)}</p> : <p>{words.loading}</p>
  }
}
