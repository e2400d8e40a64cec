import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

async function snippet(text: string, filter: unknown): Promise<JsonObject> {
  const server = await JmapTestServer.start()
  await server.deliver(text)
  const told = await server.call('SearchSnippet/get', { filter, emailIds: ['M1'] })
  assert.equal(told['notFound'], null)
  const [first] = told['list'] as readonly JsonObject[]
  assert.equal(first!['emailId'], 'M1')
  return { subject: first!['subject']!, preview: first!['preview']! }
}

test('RFC 8621 §5: what matches is marked, and characters of HTML are escaped', async () => {
  const text = 'Subject: Foosball & <more>\n\nIn this year the foosball competition\nwill be held > there.\n'
  assert.deepEqual(await snippet(text, { text: 'foo' }), {
    subject: '<mark>Foo</mark>sball &amp; &lt;more&gt;',
    preview: 'In this year the <mark>foo</mark>sball competition will be held &gt; there.',
  })
  assert.deepEqual(await snippet(text, { subject: 'more' }), {
    subject: 'Foosball &amp; &lt;<mark>more</mark>&gt;',
    preview: null,
  })
  assert.deepEqual(await snippet(text, { body: 'competitions year' }), {
    subject: null,
    preview: 'In this <mark>year</mark> the foosball <mark>competition</mark> will be held &gt; there.',
  })
})

test('RFC 8621 §5: phrases, other signs, other scripts', async () => {
  assert.deepEqual(await snippet('Subject: Tea, for two\n\nfor tea two\n', { text: '"tea for"' }), {
    subject: '<mark>Tea, for</mark> two',
    preview: null,
  })
  assert.deepEqual(
    await snippet('Subject: x\n\nwrite to a.b@example.org now\n', { body: 'a.b@example.org' }),
    {
      subject: null,
      preview: 'write to <mark>a.b@example.org</mark> now',
    },
  )
  assert.deepEqual(await snippet('Subject: =?utf-8?q?=C3=84pfel_und_Birnen?=\n\nx\n', { subject: 'äpfel' }), {
    subject: '<mark>Äpfel</mark> und Birnen',
    preview: null,
  })
  assert.deepEqual(
    await snippet(
      'Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n今日は東京都に行く\n',
      { body: '東京都' },
    ),
    { subject: null, preview: '今日は<mark>東京都</mark>に行く' },
  )
})

test('RFC 8621 §5: HTML is shown as text', async () => {
  const html =
    'Subject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n<html><head><title>green</title></head><body><p>a <b>green</b> &amp; apple</p></body></html>\n'
  assert.deepEqual(await snippet(html, { body: 'green' }), {
    subject: null,
    preview: 'a <mark>green</mark> &amp; apple',
  })
})

test('RFC 8621 §5: a preview has at most 255 octets, wherever the match is', async () => {
  const filler = 'lorem & ipsum <dolor> '.repeat(2000)
  for (const word of ['needle', 'nädel', '針']) {
    const body = `${filler}${word} ${filler}`
    const text = `Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n${body}\n`
    const { preview } = await snippet(text, { body: word })
    assert.ok((preview as string).includes(`<mark>${word}</mark>`), word)
    assert.ok(Buffer.byteLength(preview as string) <= 255)
    assert.ok(!/&(?!amp;|lt;|gt;)/.test(preview as string))
  }
  const long = await snippet(`Subject: x\n\n${'needle '.repeat(500)}\n`, { body: 'needle' })
  assert.ok(Buffer.byteLength(long['preview'] as string) <= 255)
  const count = (tag: string): number => (long['preview'] as string).split(tag).length
  assert.equal(count('<mark>'), count('</mark>'))
})

test('RFC 8621 §5: nothing to show is null', async () => {
  const text = 'Subject: tea\nFrom: a@example.org\n\ncoffee\n'
  const nothing = { subject: null, preview: null }
  for (const filter of [
    null,
    {},
    { from: 'a@example.org' },
    { text: 'milk' },
    { hasKeyword: 'tea' },
    { operator: 'NOT', conditions: [{ text: 'tea' }] },
  ])
    assert.deepEqual(await snippet(text, filter), nothing, JSON.stringify(filter))
  assert.deepEqual(
    await snippet(text, {
      operator: 'AND',
      conditions: [{ subject: 'tea' }, { operator: 'OR', conditions: [{ body: 'coffee' }] }],
    }),
    { subject: '<mark>tea</mark>', preview: '<mark>coffee</mark>' },
  )
})

test('RFC 8621 §5.1: ids that are not found, not to be seen, or too many', async () => {
  const server = await JmapTestServer.start({ getMaxResults: 3 })
  await server.add(9, 'guest@example.org')
  await server.deliver('Subject: tea\n\nx\n')
  await server.deliver('Subject: tea\n\nx\n', { mailbox: 6 as MailboxId })
  const told = await server.call('SearchSnippet/get', {
    filter: { text: 'tea' },
    emailIds: ['M1', 'M9', 'x y'],
  })
  assert.deepEqual(told['notFound'], ['M9', 'x y'])
  assert.equal((told['list'] as readonly unknown[]).length, 1)
  await server.share(1 as MailboxId, 9 as never, 'lr')
  const shared = await server.call(
    'SearchSnippet/get',
    { emailIds: ['M7_1', 'M7_2', 'M1'] },
    { as: 'guest@example.org' },
  )
  assert.deepEqual(shared['notFound'], ['M7_2', 'M1'])
  assert.equal(
    await server.error('SearchSnippet/get', { emailIds: ['M1', 'M2', 'M3', 'M4'] }),
    'requestTooLarge',
  )
  const error = (args: object): Promise<string> =>
    server.error('SearchSnippet/get', { emailIds: [], ...args })
  assert.equal(await error({ emailIds: null }), 'invalidArguments')
  assert.equal(await error({ emailIds: [5] }), 'invalidArguments')
  assert.equal(await error({ filter: { nothing: 1 } }), 'unsupportedFilter')
  assert.equal(await error({ filter: 5 }), 'invalidArguments')
  assert.equal(await error({ properties: [] }), 'invalidArguments')
})
