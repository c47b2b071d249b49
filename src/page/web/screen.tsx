/** A part of the page whose script is fetched when it is first shown. */
import type { ComponentType, VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Words } from './texts.js'

interface ScreenProps {
  words: Words
}

export function screenOf<Props extends ScreenProps = ScreenProps>(
  load: () => Promise<{ default: ComponentType<Props> }>
) {
  let Loaded: ComponentType<Props> | null = null
  return (props: Props): VNode => {
    const { words } = props
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
    if (Loaded) return <Loaded {...props} />
    return failed ? <p class="problem">{words.failed(words.oldPage)}</p> : <p>{words.loading}</p>
  }
}
