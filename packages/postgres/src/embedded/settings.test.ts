import { expect, test } from 'vitest'
import { settingsFile } from './settings.ts'

test('makes every commit durable unless told otherwise', () => {
  expect(settingsFile()).toMatch(/^fsync = on$/m)
  expect(settingsFile()).toMatch(/^synchronous_commit = on$/m)
  expect(settingsFile({ fsync: false })).toMatch(/^fsync = off$/m)
})

test('quotes text so that it cannot become another setting', () => {
  expect(settingsFile({ application_name: "it's\nfsync = off" })).toContain(
    "application_name = 'it''s",
  )
})
