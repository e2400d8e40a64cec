import assert from 'node:assert/strict'
import { test } from 'node:test'
import { integer, text } from './field.ts'
import type { GivenObject } from './layer.ts'
import { mergeLayers, storeOrigin } from './merge.ts'
import { settingsObject, type AnySettingsObject } from './object.ts'

const help = ''
const pair: AnySettingsObject = settingsObject({
  name: 'Pair',
  title: '',
  help,
  many: true,
  fields: {
    low: integer({ fallback: 1, help }),
    high: integer({ fallback: 10, help }),
    name: text({ fallback: '', help, required: true }),
  },
  check: ({ low, high }) =>
    Number(low) > Number(high) ? [{ field: 'low', text: 'is above the upper limit' }] : [],
})

function given(id: string, origin: string, values: Record<string, unknown>): GivenObject {
  const at = (key: string) => ({ origin, key: `Pair.${id}.${key}` })
  const entries = Object.entries(values).map(([key, value]) => [key, { value, ...at(key) }] as const)
  return { id, origin, key: `Pair.${id}`, values: new Map(entries) }
}

const merge = (...sources: readonly (readonly GivenObject[])[]) => {
  const { objects, problems } = mergeLayers(
    [pair],
    sources.map((source) => new Map([[pair, source]])),
  )
  return {
    values: objects.get(pair)!.map(({ values }) => values),
    origins: objects.get(pair)!.map(({ origins }) => Object.fromEntries(origins)),
    problems: problems.map(({ severity, text: line }) => `${severity} ${line}`),
  }
}

test('a later source wins, field by field, and ids are joined', () => {
  const merged = merge(
    [given('a', storeOrigin, { low: 2, high: 5, name: 'a' }), given('b', storeOrigin, { name: 'b' })],
    [given('a', 'x.toml:3', { high: 6 }), given('c', 'x.toml:7', { name: 'c' })],
  )
  assert.deepEqual(merged.problems, [])
  assert.deepEqual(merged.values, [
    { id: 'a', low: 2, high: 6, name: 'a' },
    { id: 'b', low: 1, high: 10, name: 'b' },
    { id: 'c', low: 1, high: 10, name: 'c' },
  ])
  assert.deepEqual(merged.origins[0], { low: 'store', high: 'x.toml:3', name: 'store' })
})

test('what is wrong with fields together is said where it stands', () => {
  const { problems } = merge([given('a', 'x.toml:3', { low: 11, name: 'a' })])
  assert.deepEqual(problems, ['error x.toml:3: Pair.a.low is above the upper limit'])
})

test('the store cannot make a file wrong: its part has no effect, with a warning', () => {
  const both = merge([given('a', storeOrigin, { low: 8 })], [given('a', 'x.toml:3', { high: 7, name: 'a' })])
  assert.deepEqual(both.values, [{ id: 'a', low: 1, high: 7, name: 'a' }])
  assert.deepEqual(both.problems, [
    'warning Pair.a.low is above the upper limit; what the store holds of it has no effect',
  ])
  const alone = merge([given('a', storeOrigin, { low: 8 })])
  assert.deepEqual(alone.values, [])
  assert.match(alone.problems[0]!, /^warning Pair\.a\.name is missing: .*no effect$/)
})
