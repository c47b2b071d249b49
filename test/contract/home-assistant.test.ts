import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { configSchema } from '../../src/config/schema.js'
import { type Announcement, discoveryPayload, discoveryTopic } from '../../src/contract/home-assistant.js'
import { cameraStates } from '../../src/core/types.js'

/**
 * What Home Assistant takes, from its documentation (home-assistant.io/integrations/mqtt, binary_sensor.mqtt, sensor.mqtt,
 * button.mqtt), which its own schemas follow. It drops unknown keys of a component silently; here they fail.
 */
const subscribed = z.string().regex(/^[^+#\0]+$/)
const template = z.string().regex(/^\{\{ .* \}\}$/)
const common = {
  name: z.string().min(1),
  unique_id: z.string().min(1),
  entity_category: z.enum(['diagnostic', 'config']).optional(),
  availability_topic: subscribed.optional(),
  availability_template: template.optional(),
  payload_available: z.string().optional(),
  payload_not_available: z.string().optional(),
  json_attributes_topic: subscribed.optional(),
  json_attributes_template: template.optional(),
  qos: z.literal([0, 1, 2]).optional()
}
const read = {
  state_topic: subscribed,
  value_template: template.optional(),
  expire_after: z.int().positive().optional()
}
const platforms = {
  binary_sensor: z.strictObject({
    platform: z.literal('binary_sensor'),
    ...common,
    ...read,
    // Only a button may be of the category "config".
    entity_category: z.literal('diagnostic').optional(),
    device_class: z.enum(['connectivity', 'problem']).optional(),
    payload_on: z.string(),
    payload_off: z.string()
  }),
  sensor: z.strictObject({
    platform: z.literal('sensor'),
    ...common,
    ...read,
    device_class: z.literal('enum'),
    options: z.array(z.string()).min(1)
  }),
  button: z.strictObject({
    platform: z.literal('button'),
    ...common,
    command_topic: subscribed,
    payload_press: z.string(),
    retain: z.boolean()
  })
}
const removed = z.strictObject({ platform: z.enum(['binary_sensor', 'sensor', 'button']) })
const component = z.union([...Object.values(platforms), removed])
const discovery = z.strictObject({
  device: z.strictObject({
    identifiers: z.array(z.string()).min(1),
    name: z.string(),
    manufacturer: z.string(),
    sw_version: z.string()
  }),
  origin: z.strictObject({ name: z.string(), sw_version: z.string() }),
  components: z.record(z.string().regex(/^[a-zA-Z0-9_-]+$/), component)
})
/** As Home Assistant's own, for what comes below its prefix. */
const topicMatcher = /^(?<component>\w+)\/(?:(?<node>[a-zA-Z0-9_-]+)\/)?(?<object>[a-zA-Z0-9_-]+)\/config$/

const nowhere = { room: null, bed: null }
const about = {
  device: 'ward-2',
  version: '0.1.0',
  cameras: [
    { id: 'room-12', location: { room: '12', bed: 'A' } },
    { id: 'hall', location: nowhere }
  ],
  gone: []
}
const payload = (more: Partial<Announcement> = {}) =>
  discovery.parse(JSON.parse(JSON.stringify(discoveryPayload({ ...about, ...more }))))

describe('the discovery message for Home Assistant', () => {
  test('has the form that its documentation asks for, with status and problem of the device and three entities of each camera', () => {
    const { components, device } = payload()
    expect(Object.keys(components)).toEqual([
      'status',
      'problem',
      'room-12_pain',
      'room-12_state',
      'room-12_test',
      'hall_pain',
      'hall_state',
      'hall_test'
    ])
    expect(device.identifiers).toEqual(['painlens_ward-2'])
    expect(components['room-12_pain']).toMatchObject({
      name: 'Pain suspected, room 12, bed A',
      unique_id: 'painlens_ward-2_room-12_pain',
      state_topic: 'painlens/ward-2/camera/room-12/pain'
    })
    expect(components.hall_state).toMatchObject({ name: 'Camera, camera hall', options: [...cameraStates] })
    expect(components.hall_test).toMatchObject({
      command_topic: 'painlens/ward-2/command/test_alarm',
      payload_press: '{"camera":"hall"}',
      retain: false
    })
  })

  test('lets nothing but the status be shown while painlens is offline', () => {
    for (const [key, one] of Object.entries(payload().components))
      expect([key, 'availability_topic' in one]).toEqual([key, key !== 'status'])
  })

  test('removes the entities of a camera that is gone, and keeps those of one that came back', () => {
    const { components } = payload({ gone: ['old', 'hall'] })
    expect(components.old_pain).toEqual({ platform: 'binary_sensor' })
    expect(components.old_state).toEqual({ platform: 'sensor' })
    expect(components.old_test).toEqual({ platform: 'button' })
    expect(components.hall_pain).toHaveProperty('state_topic')
  })

  test('puts no name of the config into a template', () => {
    const room = "{{ states('person.x') }} %}\u001b[2J"
    const { components } = payload({ cameras: [{ id: 'a', location: { room, bed: null } }] })
    const templates = Object.values(components).flatMap((one) =>
      Object.entries(one).flatMap(([key, value]) => (key.endsWith('_template') ? [String(value)] : []))
    )
    expect(templates.length).toBeGreaterThan(3)
    expect(templates.join()).not.toContain('person')
    expect(JSON.stringify(components)).not.toContain('u001b')
  })

  test.each(['ward-2', 'ward_2', 'ward 2', 'ward/2', 'Wärd', '../x', '_20_'])(
    'is published on a topic that Home Assistant takes, for the device %s',
    (device) => {
      const topic = discoveryTopic('homeassistant', device)
      expect(topic.slice('homeassistant/'.length)).toMatch(topicMatcher)
    }
  )

  test('tells devices and cameras of similar names apart', () => {
    const devices = ['a-b', 'a_b', 'a b', 'a_20_b', 'a__b']
    expect(new Set(devices.map((device) => discoveryTopic('h', device))).size).toBe(devices.length)
    const cameras = ['a_pain', 'a', 'a-pain', 'a_5f_pain'].map((id) => ({ id, location: nowhere }))
    const ids = Object.values(payload({ cameras }).components).map((one) => ('unique_id' in one ? one.unique_id : ''))
    expect(new Set(ids).size).toBe(2 + 3 * cameras.length)
  })

  test('is off unless the config asks for it', () => {
    const config = { device: 'a', mqtt: { url: 'mqtt://x' }, cameras: [{ id: 'a', url: 'rtsp://x/a' }] }
    expect(configSchema.parse(config).mqtt.home_assistant).toEqual({ enabled: false, prefix: 'homeassistant' })
    const bad = { ...config, mqtt: { url: 'mqtt://x', home_assistant: { prefix: 'a/#' } } }
    expect(configSchema.safeParse(bad).success).toBe(false)
  })
})
