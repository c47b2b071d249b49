/** The browser of `npm run pictures`. Skip a test where `chromiumPath` is null, and say so in expected-skips.ts. */
export { chromiumPath, openChromium } from '../../tools/pictures/chromium.js'
