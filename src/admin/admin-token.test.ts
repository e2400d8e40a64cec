import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { adminTokenFile, isSameToken, removeAdminToken, writeAdminToken } from './admin-token.ts'

test('the token is new at each start, and its file for its owner only', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'postern-token-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = path.join(directory, adminTokenFile)
  const victim = path.join(directory, 'victim')
  await writeFile(victim, 'untouched')
  await symlink(victim, file)
  const first = await writeAdminToken(directory)
  assert.equal((await readFile(file, 'utf8')).trim(), first)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.equal(await readFile(victim, 'utf8'), 'untouched')
  const second = await writeAdminToken(directory)
  assert.notEqual(first, second)
  assert.ok(isSameToken(second, second))
  assert.ok(!isSameToken(first, second))
  await removeAdminToken(directory)
  await removeAdminToken(directory)
  assert.deepEqual(await readdir(directory), ['victim'])
})
