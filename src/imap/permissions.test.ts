import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permissionOf, unrestricted } from './permissions.ts'
import { commands } from './registry.ts'

test('every command needs a permission, or is one that needs none', () => {
  for (const { name } of commands) {
    assert.notEqual(permissionOf(name) === undefined, !unrestricted.has(name), name)
  }
})
