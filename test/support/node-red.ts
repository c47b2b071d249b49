import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'

/** The script of Node-RED: $NODE_RED, or the `node-red` of this machine; null where there is none. */
export const nodeRed: string | null = find()

function find(): string | null {
  const given = process.env.NODE_RED
  if (given !== undefined) return given
  const { stdout, status } = spawnSync('sh', ['-c', 'command -v node-red'], { encoding: 'utf8' })
  const found = stdout?.trim() ?? ''
  return status === 0 && existsSync(found) ? realpathSync(found) : null
}
