/**
 * The announcement of this device for Home Assistant, which makes entities from it: its MQTT discovery for whole devices
 * (home-assistant.io/integrations/mqtt, "Device discovery payload"), a retained message of its own topic.
 */
import { printable } from '../core/printable.js'
import { cameraStates } from '../core/types.js'
import { baseTopic, topicOf } from './topics.js'

export interface AnnouncedCamera {
  id: string
  location: { room: string | null; bed: string | null }
}

export interface Announcement {
  device: string
  version: string
  cameras: readonly AnnouncedCamera[]
  /** Cameras that were announced and are no more. */
  gone: Iterable<string>
}

/** Home Assistant takes letters, digits, `_` and `-` in the topic. Different names stay different. */
const escaped = (name: string): string =>
  name.replace(/[^a-zA-Z0-9-]/gu, (character) => `_${character.codePointAt(0)!.toString(16)}_`)

/** @param prefix `mqtt.home_assistant.prefix` of the config */
export const discoveryTopic = (prefix: string, device: string): string =>
  `${prefix}/device/painlens_${escaped(device)}/config`

/** Seconds after which Home Assistant shows "unavailable": health comes every 30 s, retained states every 20 min. */
const expireS = { health: 120, states: 3000 }

export function discoveryPayload({ device, version, cameras, gone }: Announcement): object {
  const id = `painlens_${escaped(device)}`
  const known = new Set(cameras.map((camera) => camera.id))
  const removed = [...gone].filter((camera) => !known.has(camera)).flatMap(removedCamera)
  const components = [
    ...deviceComponents(baseTopic(device)),
    ...cameras.flatMap((camera) => cameraComponents(baseTopic(device), camera))
  ].map(([key, component]) => [key, { ...component, unique_id: `${id}_${key}` }] as const)
  return {
    device: { identifiers: [id], name: `painlens ${device}`, manufacturer: 'painlens', sw_version: version },
    origin: { name: 'painlens', sw_version: version },
    components: Object.fromEntries([...components, ...removed])
  }
}

type Component = readonly [key: string, config: object]

/** Status is shown as it is; whatever else is said by a painlens that is offline is not true any more. */
function availableWith(base: string): object {
  return {
    availability_topic: topicOf(base, 'status'),
    availability_template: '{{ value_json.state }}',
    payload_available: 'online',
    payload_not_available: 'offline'
  }
}

function deviceComponents(base: string): Component[] {
  const health = topicOf(base, 'health')
  return [
    [
      'status',
      {
        platform: 'binary_sensor',
        name: 'Status',
        device_class: 'connectivity',
        entity_category: 'diagnostic',
        state_topic: topicOf(base, 'status'),
        value_template: '{{ value_json.state }}',
        payload_on: 'online',
        payload_off: 'offline'
      }
    ],
    [
      'problem',
      {
        platform: 'binary_sensor',
        name: 'Problem',
        device_class: 'problem',
        entity_category: 'diagnostic',
        state_topic: health,
        value_template: '{{ value_json.problems | length > 0 }}',
        payload_on: 'True',
        payload_off: 'False',
        json_attributes_topic: health,
        json_attributes_template: "{{ {'problems': value_json.problems} | tojson }}",
        expire_after: expireS.health,
        ...availableWith(base)
      }
    ]
  ]
}

/** No name of the config stands in a template, which Home Assistant would evaluate. */
function cameraComponents(base: string, { id, location }: AnnouncedCamera): Component[] {
  const pain = topicOf(base, 'cameraPain', id)
  const where = placeOf(id, location)
  const state = { expire_after: expireS.states, qos: 1, ...availableWith(base) }
  return [
    [
      `${escaped(id)}_pain`,
      {
        platform: 'binary_sensor',
        name: `Pain suspected, ${where}`,
        state_topic: pain,
        // `null` is written None, which Home Assistant takes for unknown.
        value_template: '{{ value_json.suspected }}',
        payload_on: 'True',
        payload_off: 'False',
        json_attributes_topic: pain,
        ...state
      }
    ],
    [
      `${escaped(id)}_state`,
      {
        platform: 'sensor',
        name: `Camera, ${where}`,
        device_class: 'enum',
        options: cameraStates,
        state_topic: topicOf(base, 'cameraState', id),
        value_template: '{{ value_json.state }}',
        ...state
      }
    ],
    [
      `${escaped(id)}_test`,
      {
        platform: 'button',
        name: `Test alarm, ${where}`,
        entity_category: 'config',
        command_topic: `${base}/command/test_alarm`,
        payload_press: JSON.stringify({ camera: id }),
        qos: 1,
        retain: false,
        ...availableWith(base)
      }
    ]
  ]
}

/** With nothing but its platform, a component is removed. */
function removedCamera(id: string): Component[] {
  const platforms = { pain: 'binary_sensor', state: 'sensor', test: 'button' }
  return Object.entries(platforms).map(([what, platform]) => [`${escaped(id)}_${what}`, { platform }])
}

function placeOf(id: string, { room, bed }: AnnouncedCamera['location']): string {
  const parts = [room === null ? '' : `room ${room}`, bed === null ? '' : `bed ${bed}`].filter((part) => part !== '')
  return printable(parts.length > 0 ? parts.join(', ') : `camera ${id}`)
}
