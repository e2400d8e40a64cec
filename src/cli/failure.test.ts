import assert from 'node:assert/strict'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { runLine, serve } from './fixture.test.ts'
import { messageOf } from './failure.ts'

test('what the operating system said no to is said in words, with the name', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'postern cli-'))
  try {
    const missing = path.join(directory, 'x')
    const error = await open(missing).catch((cause: unknown) => cause)
    assert.equal(messageOf(error), `${missing}: there is no such file or directory (ENOENT)`)
    const isOne = await open(directory, 'w').catch((cause: unknown) => cause)
    assert.equal(messageOf(isOne), `${directory}: it is a directory (EISDIR)`)
  } finally {
    await rm(directory, { recursive: true })
  }
  assert.equal(messageOf(new Error('as it is')), 'as it is')
  assert.equal(messageOf('thrown'), 'thrown')
})

// Turns red where what cannot be removed hides what could not be written.
test('a snapshot that cannot be written names the file that was asked for', async (t) => {
  const { postern } = await serve(t)
  const file = '/nowhere/at/all.json'
  const { code, err } = await postern(`snapshot ${file}`)
  assert.deepEqual([code, err], [1, `postern: ${file}: there is no such file or directory (ENOENT)\n`])
  const copy = await runLine('backup /tmp/x --data /dev/null/x')
  assert.equal(copy.code, 1)
  assert.match(copy.err, /^postern: the copy could not be made: /)
})
