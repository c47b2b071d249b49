// The page's files for browsers: one style sheet, a script for the ward, and one for each screen that not everyone opens. Nothing comes from anywhere else.
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

export default {
  root: here,
  base: '/',
  logLevel: 'warn',
  publicDir: false,
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: {
    outDir: fileURLToPath(new URL('../../../dist/page/web', import.meta.url)),
    emptyOutDir: true,
    modulePreload: false,
    cssCodeSplit: false,
    target: 'es2022',
    // The policy of the page allows no `data:` addresses.
    assetsInlineLimit: 0
  }
}
