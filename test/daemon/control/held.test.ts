/** Commands that ask a painlens while it starts: it has its outbox, and does not listen yet. */
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { expect, it } from 'vitest'
import { referenceCommand } from '../../../src/commands/reference/index.js'
import { backup, makeBox, restore, stateOf, temporaryFolder } from '../../commands/backup/rig.js'

it('of a painlens that starts, commands say that one has the outbox, and touch nothing; without one, that none runs', async () => {
  const folder = await temporaryFolder()
  const config = await makeBox(folder, 'box')
  const file = join(folder, 'saved.tar.gz')
  await backup(file, config)
  const before = await stateOf(config)
  const asked = { camera: 'bed', config, zone: undefined, seconds: 5, by: 'nurse 7', remove: true }
  const reference = () => referenceCommand(asked, new AbortController().signal, { write: () => undefined, env: {} })
  const commands = [reference, () => backup(join(folder, 'second.tar.gz'), config), () => restore(file, config)]

  const held = new ClassicLevel(join(folder, 'data/outbox'))
  await held.open()
  for (const command of commands)
    await expect(command()).rejects.toMatchObject({
      ...{ code: 'PL-CONTROL-HELD', where: join(folder, 'data/outbox') },
      what: `process ${process.pid} has this outbox, and answers no command: a painlens that is starting or stopping`
    })
  await held.close()
  expect(await stateOf(config)).toEqual(before)
  await expect(reference()).rejects.toMatchObject({
    ...{ code: 'PL-REFERENCE-NOT-RUNNING', where: join(folder, 'data/outbox/control.sock') },
    what: 'no painlens listens here, and none has its outbox'
  })
})
