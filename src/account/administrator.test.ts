import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureAdmin } from './administrator.ts'
import { makeStore } from './fixture.test.ts'
import type { Access } from './access.ts'
import { administratorAccess } from './candidate.ts'
import { administratorId, passwordTable } from './credential-tables.ts'

const from = { ip: '127.0.0.1', protocol: 'http' }

const withPassword = ({ clock }: ReturnType<typeof makeStore>): Access => ({
  ...administratorAccess(),
  passwordAt: clock.now(),
})

test('the administrator gets a password once, kept only as a hash', async () => {
  const store = makeStore({ realHashes: true })
  const password = await ensureAdmin(store)
  assert.match(password!, /^[2-9a-hjkmnp-z]{4}(-[2-9a-hjkmnp-z]{4}){3}$/)
  assert.equal(await ensureAdmin(store), undefined)
  const stored = await store.db.read((tx) => tx.get(passwordTable, administratorId))
  assert.match(stored!.verifiers[0]!, /^\$argon2id\$/)
  assert.deepEqual(await store.signIn.administrator('admin', password!, from), withPassword(store))
})

test('two first starts at once make one password', async () => {
  const store = makeStore()
  const made = await Promise.all([ensureAdmin(store), ensureAdmin(store)])
  const shown = made.filter((password) => password !== undefined)
  assert.equal(shown.length, 1)
  assert.deepEqual(await store.signIn.administrator('admin', shown[0]!, from), withPassword(store))
})
