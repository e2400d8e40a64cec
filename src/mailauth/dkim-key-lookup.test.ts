import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latin1 } from '#base/bytes.ts'
import { Lru } from '#base/lru.ts'
import type { DkimKey, UnusableKey } from './dkim-key.ts'
import { findKey, keyName } from './dkim-key-lookup.ts'
import type { AuthResolver, Found } from './resolver.ts'

const ed25519 = 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='

function lookup(found: Found<'TXT'>, type: 'rsa' | 'ed25519' = 'ed25519') {
  const resolver = { resolve: (name: string) => Promise.resolve(name === 'n' ? found : 'another name') }
  const known = new Lru<string, DkimKey | UnusableKey>(10)
  return findKey('n', type, { resolver: resolver as AuthResolver, known })
}

const answer = (...records: readonly (readonly string[])[]): Found<'TXT'> => ({
  kind: 'answer',
  records: records.map((strings) => ({ strings: strings.map(latin1) })),
  authentic: false,
})

async function problem(found: Found<'TXT'>, type?: 'rsa' | 'ed25519') {
  const read = await lookup(found, type)
  return read.kind === 'unusable' ? read.problem : read.kind
}

test('where a key is kept (RFC 6376 §3.6.2.1, RFC 8616 §5)', () => {
  assert.equal(keyName('foo.bar', 'Example.COM'), 'foo.bar._domainkey.example.com')
  assert.equal(keyName('20230601', 'example.com'), '20230601._domainkey.example.com')
  assert.equal(keyName('bücher', 'bücher.example'), 'xn--bcher-kva._domainkey.xn--bcher-kva.example')
  for (const selector of ['', 'a..b', '.a', 'a b', 'a'.repeat(64)]) {
    assert.equal(keyName(selector, 'example.com'), undefined, selector)
  }
  assert.equal(keyName('s', `${'a.'.repeat(120)}example`), undefined)
})

test('the strings of a record are joined', async () => {
  const read = await lookup(answer([ed25519.slice(0, 30), ed25519.slice(30)]))
  assert.ok(read.kind === 'key' && read.type === 'ed25519')
})

test('no key', async () => {
  assert.equal(await problem({ kind: 'noName' }), 'missing')
  assert.equal(await problem({ kind: 'noData' }), 'missing')
  assert.equal(await problem(answer()), 'missing')
  assert.equal(await problem({ kind: 'failed', reason: 'x' }), 'unavailable')
  assert.equal(await problem(answer(['v=spf1 -all'])), 'syntax')
  assert.equal(await problem(answer([ed25519]), 'rsa'), 'type')
})

test('the first record with such a key is taken, within the first few', async () => {
  const spf = ['v=spf1 -all']
  assert.equal(await problem(answer(spf, [ed25519])), 'key')
  assert.equal(await problem(answer(['p='], spf)), 'revoked')
  assert.equal(await problem(answer(spf, spf, spf, spf, [ed25519])), 'syntax')
})
