import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import type { Uid } from '#base/id.ts'
import { hasWord } from '#search/words.ts'
import { expungeMessages } from '../expunge.ts'
import type { SearchCriteria } from './criteria.ts'
import { find, openIndexed } from './indexed-account.test.ts'
import { account, inbox } from '../test-account.ts'

/** Few words of which many are parts of others, in several scripts. */
const word = fc.constantFrom(
  'a',
  'ell',
  'hello',
  'shell',
  'bell-tower',
  'Straße',
  'STRASSE',
  'Müller',
  'Mu\u0308ller',
  'λόγος',
  'ΛΌΓΟΣ',
  '東京都',
  '京都',
  '検索エンジン',
  'search',
  're-search',
  "don't",
  '42',
  '4.2',
  'x_y',
  '🙂',
  'e\u0301',
  'w'.repeat(70),
)
const separator = fc.constantFrom(' ', '\n', ', ', '.', '-', '', '  ', '\u00a0')
const phrase = fc
  .array(fc.tuple(word, separator), { minLength: 1, maxLength: 12 })
  .map((pairs) => pairs.flat().join(''))

const base64 = (text: string): string => Buffer.from(text).toString('base64').replaceAll(/.{60}/g, '$&\n')
const encoded = (text: string): string =>
  `=?utf-8?b?${Buffer.from(text.replaceAll('\n', ' ')).toString('base64')}?=`

const message = fc
  .record({
    subject: phrase,
    name: phrase,
    body: phrase,
    kind: fc.constantFrom('plain', 'html', 'mixed', 'nested'),
  })
  .map(({ subject, name, body, kind }) => {
    const header = `From: ${encoded(name)} <bell@example.org>\nTo: shell@example.net\nSubject: ${encoded(subject)}\nX-Note: ${encoded(name)}\nMIME-Version: 1.0\n`
    const text = `Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${base64(body)}\n`
    if (kind === 'plain') return header + text
    if (kind === 'html')
      return `${header}Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${base64(`<p>${body}</p><!-- hello --><b>${name}</b>`)}\n`
    const inner =
      kind === 'mixed' ? text : `Content-Type: message/rfc822\n\nSubject: ${encoded(name)}\n${text}`
    return `${header}Content-Type: multipart/mixed; boundary=b\n\n--b\n${inner}\n--b\nContent-Type: text/plain; name="${encoded(name)}"\n\nhello\n--b--\n`
  })

const needle = fc.oneof(
  word,
  phrase,
  fc
    .tuple(word, fc.nat(4), fc.nat(4))
    .map(([w, from, length]) => [...w].slice(from, from + length + 1).join('')),
  fc.constantFrom('h', '-', ' ', '', 'subject', 'X-Note: ', 'll', '都', '京'),
)

const leaf: fc.Arbitrary<SearchCriteria> = fc.oneof(
  fc.record({
    kind: fc.constant('phrase' as const),
    region: fc.constantFrom('from' as const, 'subject' as const, 'body' as const),
    text: needle.filter(hasWord),
  }),
  fc.record({ kind: fc.constantFrom('from', 'to', 'cc', 'subject', 'body', 'text'), text: needle }),
  fc.record({
    kind: fc.constant('header' as const),
    name: fc.constantFrom('X-Note', 'subject', 'absent'),
    text: needle,
  }),
)
const fuzzy: fc.Arbitrary<SearchCriteria> = fc.record(
  {
    kind: fc.constant('fuzzy' as const),
    region: fc.constantFrom('from', 'to', 'cc', 'bcc', 'subject', 'body', 'text'),
    text: fc.oneof(
      word,
      fc.constantFrom('hullo', 'hell', 'shells', 'searching', 'sarch bell', '東京', '検索'),
    ),
    withoutSlips: fc.constant(true as const),
  },
  { requiredKeys: ['kind', 'region', 'text'] },
)
const criteria: fc.Arbitrary<SearchCriteria> = fc.oneof(
  fuzzy,
  leaf,
  fc.record({ kind: fc.constantFrom('and', 'or'), of: fc.array(leaf, { minLength: 1, maxLength: 3 }) }),
  leaf.map((of): SearchCriteria => ({ kind: 'not', of })),
)

// Planted: the language of a text told by what was learned from the texts before it.
test('an index finds exactly what reading finds, whatever is indexed, merged or gone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(message, { minLength: 10, maxLength: 25 }), { minLength: 2, maxLength: 5 }),
      fc.array(fc.nat(60), { maxLength: 20 }),
      fc.array(message, { maxLength: 4 }),
      fc.array(criteria, { minLength: 10, maxLength: 20 }),
      async (batches, gone, late, questions) => {
        const box = await openIndexed()
        for (const batch of batches) {
          for (const one of batch) await box.append(one)
          box.indexer.look(account)
          await box.indexer.settled()
        }
        await box.db.write([account], (tx) =>
          expungeMessages(tx, account, inbox, gone as Uid[], { onlyDeleted: false }),
        )
        for (const one of late) await box.append(one)
        for (const question of questions)
          assert.deepEqual(
            await find(box, question, true),
            await find(box, question, false),
            JSON.stringify(question),
          )
      },
    ),
    { numRuns: 12, endOnFailure: true },
  )
})

test('what is attached is found by its words, and not by IMAP, which looks into texts only', async () => {
  const box = await openIndexed()
  const document = zipSync({ 'word/document.xml': Buffer.from('<w:p><w:t>quarterly figures</w:t></w:p>') })
  await box.append(
    [
      'Subject: report\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee there\n--b',
      'Content-Type: application/octet-stream; name="Numbers.docx"\nContent-Transfer-Encoding: base64\n',
      `${Buffer.from(document).toString('base64')}\n--b--\n`,
    ].join('\n'),
  )
  for (let i = 0; i < 30; i++) await box.append('Subject: other\n\nnothing\n')
  box.indexer.look(account)
  await box.indexer.settled()
  const fuzzyText = (text: string): SearchCriteria => ({ kind: 'fuzzy', region: 'text', text })
  assert.deepEqual(await find(box, fuzzyText('quarterly figure'), true), [1])
  assert.deepEqual(await find(box, fuzzyText('numbers'), true), [1])
  assert.deepEqual(await find(box, { kind: 'fuzzy', region: 'subject', text: 'quarterly' }, true), [])
  for (const kind of ['body', 'text'] as const)
    assert.deepEqual(await find(box, { kind, text: 'quarterly' }, true), [])
})
