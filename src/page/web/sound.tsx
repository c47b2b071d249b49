/** A sound while an alarm is active and not acknowledged; where the browser does not let it, the page says that it is muted. */
import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Priority } from '../../contract/conditions.js'
import type { AlarmRow } from '../wire.js'
import { keep, kept } from './kept.js'
import type { Words } from './texts.js'

/** IEC 60601-1-8: bursts of ten, three and two pulses; the pause after a burst, in ms. */
const bursts: Record<Priority, { pulses: number; everyMs: number }> = {
  high: { pulses: 10, everyMs: 10_000 },
  medium: { pulses: 3, everyMs: 20_000 },
  low: { pulses: 2, everyMs: 60_000 }
}
const pulse = { frequency: 523, seconds: 0.15, gapSeconds: 0.12, volume: 0.35 }

export function Sound({ alarms, words }: { alarms: readonly AlarmRow[]; words: Words }): VNode {
  const [context] = useState(() => new AudioContext())
  const [running, setRunning] = useState(context.state === 'running')
  const [muted, setMuted] = useState(kept('sound', ['off', 'on']) === 'off')
  const priority = mostUrgent(alarms)
  useEffect(() => {
    const look = (): void => setRunning(context.state === 'running')
    const wake = (): void => void context.resume().catch(() => undefined)
    context.addEventListener('statechange', look)
    // A browser lets a page sound once it was touched.
    for (const event of ['pointerdown', 'keydown']) addEventListener(event, wake)
    return () => {
      for (const event of ['pointerdown', 'keydown']) removeEventListener(event, wake)
      void context.close()
    }
  }, [])
  useEffect(() => {
    if (priority === null || muted || !running) return undefined
    const { pulses, everyMs } = bursts[priority]
    play(context, pulses)
    const again = setInterval(() => play(context, pulses), everyMs)
    return () => clearInterval(again)
  }, [priority, muted, running])
  const toggle = (): void => setMuted(keep('sound', running && !muted ? 'off' : 'on') === 'off')
  const sounds = running && !muted
  return (
    <button type="button" class={sounds ? '' : 'muted'} aria-pressed={sounds} onClick={toggle}>
      {sounds ? words.soundOn : words.soundMuted}
    </button>
  )
}

function mostUrgent(alarms: readonly AlarmRow[]): Priority | null {
  const open = alarms.filter(({ ended, ack }) => ended === null && ack === null)
  return (['high', 'medium', 'low'] as const).find((one) => open.some(({ priority }) => priority === one)) ?? null
}

function play(context: AudioContext, pulses: number): void {
  const volume = context.createGain()
  volume.gain.value = pulse.volume
  volume.connect(context.destination)
  for (let i = 0; i < pulses; i++) {
    const tone = context.createOscillator()
    tone.frequency.value = pulse.frequency
    tone.connect(volume)
    // Five pulses, a breath, and five more.
    const begin = context.currentTime + i * (pulse.seconds + pulse.gapSeconds) + (i >= 5 ? 0.6 : 0)
    tone.start(begin)
    tone.stop(begin + pulse.seconds)
  }
}
