import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

const words = ['server.hostname', 'server.threads', 'imap.auth.max-failures', 'Imap.maxAuthFailures']

test('few errors lead to the word, many to nothing', () => {
  for (const [typed, meant] of [
    ['server.hostnam', 'server.hostname'],
    ['server.hsotname', 'server.hostname'],
    ['Server.HostName', 'server.hostname'],
    ['imap.maxauthfailure', 'Imap.maxAuthFailures'],
    ['imap.auth.maxfailures', 'imap.auth.max-failures'],
    ['smtp.relay', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ] as const)
    assert.equal(nearest(typed, words), meant, typed)
})

test('a short word needs fewer errors', () => {
  assert.equal(nearest('abc', ['xyz']), undefined)
  assert.equal(nearest('ab', ['a']), undefined)
})
