import { dirname, join } from 'node:path'

/** Where passwords go instead of into the config. */
export const storeNames = ['file', 'credential', 'env', 'plain'] as const
export type StoreName = (typeof storeNames)[number]

export interface Secret {
  /** `mqtt-password`, `camera-room-312` */
  name: string
  /** Null where only its place is known yet. */
  value: string | null
}

interface Store {
  /** What stands in the config for the password. */
  reference(secret: Secret): string
  /** The file that painlens config init writes it into, or null. */
  file(secret: Secret, config: string): string | null
  /** What is left for the user to do, one line per secret. */
  todo(secret: Secret, config: string): string | null
}

const fileOf = ({ name }: Secret, config: string): string => join(dirname(config), 'secrets', name)
const variableOf = ({ name }: Secret): string => `PAINLENS_${name.replaceAll('-', '_').toUpperCase()}`
const missing = (secret: Secret, config: string): string | null =>
  secret.value === null ? `Put the password into ${fileOf(secret, config)}, readable for painlens only.` : null

export const stores: Readonly<Record<StoreName, Store>> = {
  file: {
    reference: ({ name }) => `\${file:secrets/${name}}`,
    file: fileOf,
    todo: missing
  },
  credential: {
    reference: ({ name }) => `\${credential:${name}}`,
    file: fileOf,
    todo: (secret, config) =>
      [missing(secret, config), `In painlens.service: LoadCredential=${secret.name}:${fileOf(secret, config)}`]
        .filter(Boolean)
        .join('\n')
  },
  env: {
    reference: (secret) => `\${env:${variableOf(secret)}}`,
    file: () => null,
    todo: (secret) => `Set ${variableOf(secret)} in painlens's environment.`
  },
  plain: {
    reference: ({ value }) => value ?? '',
    file: () => null,
    todo: () => null
  }
}
