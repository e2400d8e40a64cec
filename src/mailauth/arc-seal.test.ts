import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latin1 } from '#base/bytes.ts'
import { changed, message, seal, verify } from './arc-fixture.test.ts'
import { mostSets } from './arc-set.ts'
import { readSeal } from './arc-signature.ts'
import { isSignedBy, readKeyRecord } from './dkim-key.ts'
import { edKey, knownKeys, nowMs, records, rsaKey, split } from './dkim-fixture.test.ts'
import { HeaderFields } from './header-fields.ts'
import { emptied, signedData, tagText } from './signed-data.ts'
import { parseTagList, withoutSpace } from './tag-list.ts'

/** The tags of the first field of that name, without white space. */
function tagsOf(bytes: Buffer, name: string): Record<string, string> {
  const header = new HeaderFields(split(bytes).header)
  const tags = parseTagList(tagText(header, header.named(name)[0]!))
  return Object.fromEntries([...tags].map(([tag, { value }]) => [tag, withoutSpace(value)]))
}

test('the first seal of a message', async () => {
  const sealed = await seal(message)
  const text = sealed.toString('latin1')
  assert.match(
    text,
    /^ARC-Seal: [^]*\r\nARC-Message-Signature: [^]*\r\nARC-Authentication-Results: [^]*\r\nFrom: /,
  )
  assert.ok(text.includes('ARC-Authentication-Results: i=1; mx.example.com;\r\n spf=pass\r\n'))
  const { b: _, ...tags } = tagsOf(sealed, 'arc-seal')
  const common = { i: '1', a: 'ed25519-sha256', d: 'example.com', s: 'e', t: String(nowMs / 1000) }
  assert.deepEqual(tags, { ...common, cv: 'none' })
  const { b: __, bh: ___, h, ...rest } = tagsOf(sealed, 'arc-message-signature')
  assert.deepEqual(rest, { ...common, c: 'relaxed/relaxed' })
  const names = h!.toLowerCase().split(':')
  for (const name of ['from', 'to', 'subject', 'dkim-signature']) assert.ok(names.includes(name), name)
  for (const name of names) assert.doesNotMatch(name, /^arc-|^authentication-results$/)
  for (const line of text.split('\r\n')) assert.ok(line.length <= 78, line)
})

test('what is sealed verifies, and so does what is sealed after that, with other keys', async () => {
  const one = await seal(message)
  assert.deepEqual(await verify(one), {
    result: 'pass',
    oldestPass: 0,
    sets: [{ instance: 1, domain: 'example.com', selector: 'e', results: 'i=1; mx.example.com; spf=pass' }],
  })
  const two = await seal(one, { key: rsaKey })
  assert.equal(tagsOf(two, 'arc-seal')['cv'], 'pass')
  const check = await verify(two)
  assert.ok(check.result === 'pass')
  assert.deepEqual([check.oldestPass, check.sets.map(({ selector }) => selector)], [0, ['e', 'r']])
})

test('a message that was changed between is sealed as it is', async () => {
  const one = await seal(message)
  const list = changed(changed(one, 'Subject: ', 'Subject: [list] '), 'yet?', 'yet?\r\n-- \r\nThe list')
  const two = await seal(list, { checked: 'pass' })
  for (const sealed of [two, await seal(two)]) {
    const check = await verify(sealed)
    assert.ok(check.result === 'pass')
    assert.equal(check.oldestPass, 2)
  }
})

test('fields may stand between the sets and before them', async () => {
  const one = await seal(latin1(`Received: by a.example; now\r\n${message.toString('latin1')}`))
  const two = await seal(latin1(`Received: by b.example; now\r\nX-Other: 1\r\n${one.toString('latin1')}`))
  const three = latin1(`Received: by c.example; now\r\n${two.toString('latin1')}`)
  assert.equal((await verify(three)).result, 'pass')
})

test('of a chain that has failed, only the new set is sealed (RFC 8617 §5.1.2)', async () => {
  const spoilt = changed(await seal(await seal(message)), 'spf=pass\r\nARC-Seal', 'spf=fail\r\nARC-Seal')
  assert.equal((await verify(spoilt)).result, 'fail')
  const sealed = await seal(spoilt)
  const { i, cv } = tagsOf(sealed, 'arc-seal')
  assert.deepEqual([i, cv], ['3', 'fail'])
  const header = new HeaderFields(split(sealed).header)
  const newest = ['arc-authentication-results', 'arc-message-signature', 'arc-seal'].map(
    (name) => header.named(name)[0]!,
  )
  const [results, signed, place] = newest as [number, number, number]
  const { signature, signatureTag } = readSeal(parseTagList(tagText(header, place)))
  const own = emptied(header, place, signatureTag, 'relaxed')
  const key = readKeyRecord(records['e._domainkey.example.com']!, knownKeys())
  assert.ok(key.kind === 'key')
  assert.ok(isSignedBy(key, signedData(header, [results, signed], 'relaxed', own), signature))
})

test('a chain that does not verify is not sealed as a good one, whatever its sets look like', async () => {
  assert.equal(tagsOf(await seal(await seal(message), { checked: 'fail' }), 'arc-seal')['cv'], 'fail')
  assert.equal(tagsOf(await seal(await seal(message), { checked: 'none' }), 'arc-seal')['cv'], 'fail')
  const incomplete = changed(await seal(message), 'ARC-Message-Signature', 'X-Message-Signature')
  const { i, cv } = tagsOf(await seal(incomplete, { checked: 'pass' }), 'arc-seal')
  assert.deepEqual([i, cv], ['2', 'fail'])
})

test('nothing is sealed after a seal that says the chain has failed (RFC 8617 §5.1)', async () => {
  const failed = await seal(await seal(message), { checked: 'fail' })
  assert.deepEqual(await verify(failed), {
    result: 'fail',
    reason: 'markedFailed',
    text: 'set 2 says that the chain has failed',
  })
  assert.deepEqual(await seal(failed), failed)
})

test('fifty sets, and no more (RFC 8617 §4.2.1)', async () => {
  let sealed = message
  for (let i = 1; i <= mostSets; i++) sealed = await seal(sealed, { checked: i === 1 ? 'none' : 'pass' })
  const check = await verify(sealed)
  assert.ok(check.result === 'pass')
  assert.deepEqual([check.oldestPass, check.sets.length, check.sets.at(-1)?.instance], [0, 50, 50])
  assert.deepEqual(await seal(sealed), sealed)
  const { header } = split(sealed)
  const one = header.subarray(0, header.indexOf('ARC-Message-Signature'))
  assert.deepEqual(await verify(Buffer.concat([one, sealed])), {
    result: 'fail',
    reason: 'chainTooLong',
    text: 'the chain has more than 50 sets',
  })
})

test('a message without a body, and one whose header is all there is', async () => {
  for (const text of ['From: a@example.org\r\n\r\n', 'From: a@example.org\r\n\r\n\r\n\r\n']) {
    assert.equal((await verify(await seal(latin1(text), { key: edKey }))).result, 'pass')
  }
})
