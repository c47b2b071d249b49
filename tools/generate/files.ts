import { configFiles } from '#painlens/config/generate.js'
import { asyncApi } from './asyncapi.js'
import { pagesWithBlocks } from './blocks.js'
import { commandsPage } from './commands-page.js'
import { errorsPage } from './errors.js'
import { messageFiles } from './message-schemas.js'

/** Text by file of the package; a test holds that each is up to date. */
export const generatedFiles: Readonly<Record<string, () => string>> = {
  ...configFiles,
  ...messageFiles,
  ...pagesWithBlocks,
  'docs/operate/commands.md': commandsPage,
  'config/asyncapi.yaml': asyncApi,
  'docs/operate/errors.md': errorsPage
}
