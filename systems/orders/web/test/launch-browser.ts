import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

/** Where Debian and others put Chromium; CHROMIUM names another place. */
const places = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const executablePath = places.find((place) => place !== undefined && existsSync(place))

/** Why there is no browser; undefined when there is one. It stands in the names of the tests that are then skipped. */
export const noBrowser =
  executablePath === undefined
    ? '(skipped: no Chromium found; install it or set CHROMIUM)'
    : undefined

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath!, headless: true })
}
