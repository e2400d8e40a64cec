import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { eventKinds, gaugeKinds, settingsObjects } from './catalog.ts'

const src = join(import.meta.dirname, '..')

async function declaredIn(file: string): Promise<readonly object[]> {
  const found: object[] = []
  for (const path of globSync(`*/${file}`, { cwd: src })) {
    const module = (await import(pathToFileURL(join(src, path)).href)) as Record<string, unknown>
    for (const value of Object.values(module).flat())
      if (typeof value === 'object' && value !== null && 'name' in value) found.push(value)
  }
  return found
}

test('whatever a folder declares is in the catalog', async () => {
  const events: readonly object[] = [...eventKinds, ...gaugeKinds]
  for (const kind of await declaredIn('events.ts')) assert.ok(events.includes(kind), JSON.stringify(kind))
  const settings: readonly object[] = settingsObjects
  for (const object of await declaredIn('settings.ts'))
    assert.ok(settings.includes(object), JSON.stringify(object))
})

test('names are used once', () => {
  for (const kinds of [eventKinds, gaugeKinds, settingsObjects]) {
    const names = kinds.map(({ name }) => name)
    assert.deepEqual(names, [...new Set(names)])
  }
  const classics = settingsObjects
    .filter(({ many }) => !many)
    .flatMap(({ fields }) => Object.values(fields).flatMap(({ classic }) => classic ?? []))
  assert.deepEqual(classics, [...new Set(classics)])
})
