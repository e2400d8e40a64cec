import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { makeStore } from '#account/fixture.test.ts'
import { allPermissions } from '#account/permission.ts'
import { stillQueue } from '#queue/fixture.test.ts'
import { LiveSettings } from '#registry/live.ts'
import { text } from '#settings/field.ts'
import type { AnySettingsObject } from '#settings/object.ts'
import { eventKinds, gaugeKinds, settingsObjects } from './catalog.ts'
import { buildManagement } from './web/management.ts'

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
  const counters = new Set(eventKinds.flatMap(({ count }) => count ?? []))
  for (const { name } of gaugeKinds) assert.ok(!counters.has(name), `${name} counts and measures`)
  const classics = settingsObjects
    .filter(({ many }) => !many)
    .flatMap(({ fields }) => Object.values(fields).flatMap(({ classic }) => classic ?? []))
  assert.deepEqual(classics, [...new Set(classics)])
})

/**
 * Fields of a declaration that nobody reads: neither a file of its folder nor one that imports it mentions the
 * name as a property or takes it out of the values.
 */
function unreadFields(
  object: AnySettingsObject,
  file: string,
  sources: ReadonlyMap<string, string>,
): string[] {
  const folder = file.split('/')[0]!
  const readers = [...sources].filter(
    ([path, source]) => path.startsWith(`${folder}/`) || source.includes(`#${file}'`),
  )
  return Object.keys(object.fields).filter(
    (name) =>
      !readers.some(([, source]) => new RegExp(`\\.${name}\\b`).test(source) || takesOut(source, name)),
  )
}

/** `const { name } = ...`, `({ name }) =>`, also with another name for it. */
const takesOut = (text: string, name: string): boolean =>
  new RegExp(`\\{[^{}]*\\b${name}\\b(?::\\s*\\w+)?[^{}]*\\}\\s*(?:=|:|\\))`).test(text)

const sourceFiles = (): ReadonlyMap<string, string> =>
  new Map(
    globSync('**/*.ts', { cwd: src, exclude: ['**/*.test.ts'] }).map((path) => [
      path,
      readFileSync(join(src, path), 'utf8'),
    ]),
  )

test('every field of the settings is read somewhere; a planted one is found', async () => {
  const sources = sourceFiles()
  const unread: string[] = []
  for (const file of globSync('*/settings.ts', { cwd: src })) {
    const module = (await import(pathToFileURL(join(src, file)).href)) as Record<string, unknown>
    for (const object of Object.values(module).flat()) {
      if (!settingsObjects.includes(object as AnySettingsObject)) continue
      const declared = object as AnySettingsObject
      // What is kept for a later release says so.
      if (declared.notYet !== undefined) continue
      unread.push(...unreadFields(declared, file, sources).map((name) => `${declared.name}.${name}`))
    }
  }
  assert.deepEqual(unread, [])

  const system = settingsObjects.find(({ name }) => name === 'SystemSettings')!
  const planted = {
    ...system,
    fields: { ...system.fields, nobodyReadsThis: text({ fallback: '', help: '' }) },
  }
  assert.deepEqual(unreadFields(planted, 'server/settings.ts', sources), ['nobodyReadsThis'])
})

/** Names under which `events.ts` of a folder exports something that no other file of `src` mentions. */
function unusedEvents(
  file: string,
  names: readonly string[],
  sources: ReadonlyMap<string, string>,
): string[] {
  const folder = file.split('/')[0]!
  const users = [...sources].filter(
    ([path, source]) =>
      path !== file &&
      (path.startsWith(`${folder}/`) || source.includes(`#${file}'`) || source.includes(`./events.ts'`)),
  )
  return names.filter((name) => !users.some(([, source]) => new RegExp(`\\b${name}\\b`).test(source)))
}

test('every event and gauge is told by somebody; a planted one is found', async () => {
  const sources = sourceFiles()
  for (const file of globSync('*/events.ts', { cwd: src })) {
    const names = Object.keys((await import(pathToFileURL(join(src, file)).href)) as object)
    assert.deepEqual(unusedEvents(file, names, sources), [], file)
  }
  assert.deepEqual(unusedEvents('queue/events.ts', ['nobodyTellsThis'], sources), ['nobodyTellsThis'])
})

/** Letters are on disk: two tables with the same one would read each other's rows. */
test('tables that share a letter are kinds of the same one', () => {
  const seen = new Map<string, string>()
  for (const [path, source] of sourceFiles()) {
    for (const [, scope, declaration] of source.matchAll(/\b(account|global)Table\(\{([^]*?)\}\)/g)) {
      const letter = /letter: '(.)'/.exec(declaration!)?.[1]
      const kind = /kind: (\d+)/.exec(declaration!)?.[1] ?? ''
      const name = /name: '([^']+)'/.exec(declaration!)?.[1]
      if (letter === undefined || name === undefined) continue
      const key = `${scope} ${letter} ${kind}`
      const other = seen.get(key)
      assert.ok(other === undefined || other === name, `${path}: ${name} and ${other} are both ${key}`)
      assert.ok(
        kind === '' || !seen.has(`${scope} ${letter} `),
        `${path}: ${name} is a kind of a table that has none`,
      )
      seen.set(key, name)
    }
  }
  assert.ok(seen.size > 30)
})

const management = () =>
  buildManagement({
    ...makeStore(),
    settings: new LiveSettings(settingsObjects),
    queue: stillQueue().queue,
  })

test('every settings object is managed', () => {
  const managed = new Set(management().objects.map(({ name }) => name))
  for (const { name } of settingsObjects) assert.ok(managed.has(name), name)
})

test('what can be done with objects and what permissions are about agree exactly', () => {
  const made = management()
  const possible = made.objects.flatMap(({ name }) =>
    made.verbsOf(name).map((verb) => `sys${name}${verb[0]!.toUpperCase()}${verb.slice(1)}`),
  )
  const listed = allPermissions.filter((permission) => permission.startsWith('sys'))
  assert.deepEqual(listed.toSorted(), possible.toSorted())
})

test('every other permission is asked for somewhere', () => {
  const files = globSync('**/*.ts', { cwd: src }).filter(
    (file) => !file.endsWith('.test.ts') && !file.endsWith('account/permission.ts'),
  )
  const text = files.map((file) => readFileSync(join(src, file), 'utf8')).join('\n')
  // `action...` is asked for by the name of the action.
  const isAsked = (permission: string): boolean =>
    text.includes(`'${permission}'`) ||
    (permission.startsWith('action') && text.includes(`.act('${permission.slice('action'.length)}'`))
  const others = allPermissions.filter((permission) => !permission.startsWith('sys'))
  assert.deepEqual(
    others.filter((permission) => !isAsked(permission)),
    [],
  )
})
