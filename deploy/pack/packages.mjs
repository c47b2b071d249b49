// Which packages ship: what the dependencies need, found as Node.js would find it.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/**
 * The packages that `names` need, all levels down, but for those that are left out and what only they need.
 * @param {string} modules the node_modules that they lie in
 * @param {readonly string[]} names the packages to begin with
 * @param {Record<string, string>} leftOut keys are names, `@scope/*` for all of a scope
 * @returns {{ name: string, folder: string, place: string }[]} `place` is the path below node_modules; sorted by it
 * @throws Error where one is not installed, unless it is optional
 */
export function packagesBelow(modules, names, leftOut) {
  const found = new Map()
  const need = (name, from, isOptional) => {
    if (name in leftOut || `${name.split('/')[0]}/*` in leftOut) return
    const folder = find(name, from, modules)
    if (!folder && isOptional) return
    if (!folder) throw new Error(`${name}, which ${from} needs, is not installed`)
    if (found.has(folder)) return
    found.set(folder, { name, folder, place: relative(modules, folder) })
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = manifestOf(folder)
    for (const one of Object.keys({ ...optionalDependencies, ...peerDependencies, ...dependencies }))
      need(one, folder, one in { ...optionalDependencies, ...peerDependenciesMeta })
  }
  for (const name of names) need(name, dirname(modules), false)
  return [...found.values()].sort((a, b) => (a.place < b.place ? -1 : 1))
}

export const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** In the nearest node_modules upwards, no further than `modules`. */
function find(name, from, modules) {
  for (let folder = from; folder.length >= dirname(modules).length; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name)
    if (existsSync(join(place, 'package.json'))) return place
  }
  return null
}
