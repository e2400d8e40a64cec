import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Modseq, Uid } from '#base/id.ts'
import { foldText } from '#message/fold-text.ts'
import { expungeMessages } from '../expunge.ts'
import { search } from './query.ts'
import type { SearchCriteria } from './criteria.ts'
import { account, createdAt, inbox, mail, openTestAccount, type TestAccount } from '../test-account.ts'
import { TextMatcher } from './text-match.ts'
import { AccountViews } from '../view.ts'

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`)

/** UIDs in the Inbox that meet the criteria. */
async function find(of: TestAccount, criteria: SearchCriteria, now = createdAt): Promise<number[]> {
  const view = await new AccountViews({ db: of.db, budgetBytes: 1 << 20 }).open(account)
  const box = (await view.load(inbox))!
  const indexes = await search({ db: of.db, blobs: of.blobs, account, view: box, criteria, now })
  return indexes.map((index) => box.uids.at(index))
}

const text = (
  kind: 'from' | 'to' | 'cc' | 'bcc' | 'subject' | 'body' | 'text',
  value: string,
): SearchCriteria => ({ kind, text: value })

test('columns answer flags, sizes, UIDs, dates and modseqs', async () => {
  const box = await openTestAccount()
  await box.append(mail('Subject: a'), { keywords: ['$Seen', 'Custom'] })
  await box.append(`${mail('Subject: b')}${'x'.repeat(500)}`, { deleted: true })
  const third = await box.append(mail('Subject: c'), {
    keywords: ['$flagged'],
    savedAt: createdAt + 86_400_000,
  })
  assert.deepEqual(await find(box, { kind: 'all' }), [1, 2, 3])
  assert.deepEqual(await find(box, { kind: 'keyword', keyword: '$seen' }), [1])
  assert.deepEqual(await find(box, { kind: 'keyword', keyword: 'CUSTOM' }), [1])
  assert.deepEqual(await find(box, { kind: 'not', of: { kind: 'keyword', keyword: '$seen' } }), [2, 3])
  assert.deepEqual(await find(box, { kind: 'deleted' }), [2])
  assert.deepEqual(await find(box, { kind: 'larger', bytes: 400 }), [2])
  assert.deepEqual(await find(box, { kind: 'smaller', bytes: 400 }), [1, 3])
  assert.deepEqual(
    await find(box, {
      kind: 'uids',
      ranges: [
        [2, 2],
        [3, 4_294_967_295],
      ],
    }),
    [2, 3],
  )
  assert.deepEqual(await find(box, { kind: 'modseq', atLeast: third.modseq }), [3])
  assert.deepEqual(await find(box, { kind: 'modseq', atLeast: (third.modseq + 1) as Modseq }), [])
  assert.deepEqual(await find(box, { kind: 'message', id: third.id }), [3])
  assert.deepEqual(await find(box, { kind: 'thread', id: third.thread }), [3])
  assert.deepEqual(
    await find(box, { kind: 'date', field: 'received', how: 'on', day: day('2026-01-01') }),
    [1, 2, 3],
  )
  assert.deepEqual(
    await find(box, { kind: 'date', field: 'received', how: 'before', day: day('2026-01-01') }),
    [],
  )
  assert.deepEqual(
    await find(box, { kind: 'date', field: 'saved', how: 'since', day: day('2026-01-02') }),
    [3],
  )
  assert.deepEqual(await find(box, { kind: 'younger', seconds: 10 }, createdAt + 11_000), [1, 2, 3])
  assert.deepEqual(await find(box, { kind: 'younger', seconds: 9 }, createdAt + 11_000), [])
  assert.deepEqual(await find(box, { kind: 'older', seconds: 10 }, createdAt + 11_000), [1, 2, 3])
  assert.deepEqual(
    await find(box, { kind: 'and', of: [{ kind: 'deleted' }, { kind: 'keyword', keyword: '$seen' }] }),
    [],
  )
  assert.deepEqual(
    await find(box, { kind: 'or', of: [{ kind: 'deleted' }, { kind: 'keyword', keyword: '$seen' }] }),
    [1, 2],
  )
  assert.deepEqual(await find(box, { kind: 'and', of: [] }), [1, 2, 3])
  assert.deepEqual(await find(box, { kind: 'or', of: [] }), [])
})

test('SENTON takes the day that the sender wrote, whatever the zone', async () => {
  const box = await openTestAccount()
  await box.append(mail('Date: Mon, 1 Jan 2024 23:30:00 -0500', 'Subject: evening'))
  await box.append(mail('Subject: no date'))
  for (const [how, on, expected] of [
    ['on', '2024-01-01', [1]],
    ['on', '2024-01-02', []],
    ['before', '2024-01-02', [1]],
    ['since', '2024-01-02', []],
    ['since', '2024-01-01', [1]],
  ] as const) {
    assert.deepEqual(
      await find(box, { kind: 'date', field: 'sent', how, day: day(on) }),
      expected,
      `${how} ${on}`,
    )
  }
})

test('addresses and subjects are found decoded and in any case', async () => {
  const box = await openTestAccount()
  await box.append(
    mail(
      'From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>',
      'To: Team: a@example.org, b@example.org;',
      'Subject: =?utf-8?b?0J7RgtC/0YPRgdC6?=',
    ),
  )
  await box.append(mail('From: smith@example.org', 'Cc: JOHN <john@example.org>', 'Bcc: hidden@example.org'))
  assert.deepEqual(await find(box, text('from', 'JÜRGEN')), [1])
  assert.deepEqual(await find(box, text('from', 'Smith')), [2])
  assert.deepEqual(await find(box, text('to', 'b@EXAMPLE')), [1])
  assert.deepEqual(await find(box, text('cc', 'john')), [2])
  assert.deepEqual(await find(box, text('bcc', 'hidden')), [2])
  assert.deepEqual(await find(box, text('subject', 'отпуск')), [1])
  assert.deepEqual(await find(box, text('subject', '')), [1, 2])
  assert.deepEqual(
    await find(box, { kind: 'and', of: [text('from', 'example'), { kind: 'not', of: text('cc', 'john') }] }),
    [1],
  )
})

test('what is quoted, joined or not ASCII in the stored envelope is found as it reads', async () => {
  const box = await openTestAccount()
  await box.append(
    mail(
      'From: "Q. \\"Quick\\" O\'Hara" <q.hara+x@example.org>, second@example.com',
      'To: friends: one@example.org;',
      'Subject: a "quoted" \\ word',
    ),
  )
  await box.append(mail('From: \u212Aelvin <k@example.org>', 'Subject: 20 \u212A today'))
  for (const [kind, value] of [
    ['from', 'Q. "QUICK" O\'hara <Q.HARA+X@'],
    ['from', '@example.org>, second@'],
    ['from', ' <'],
    ['to', 'friends:, one@'],
    ['subject', 'A "QUOTED" \\ W'],
    ['subject', '"'],
  ] as const)
    assert.ok((await find(box, text(kind, value))).includes(1), value)
  assert.deepEqual(await find(box, text('subject', 'quoted word')), [])
  assert.deepEqual(await find(box, text('from', 'hara@')), [])
  assert.deepEqual(await find(box, text('from', 'kelvin')), [2])
  assert.deepEqual(await find(box, text('subject', '20 k')), [2])
})

test('HEADER finds any field, its decoded text, and with the empty text the field itself', async () => {
  const box = await openTestAccount()
  await box.append(mail('X-List: one', 'X-List: =?utf-8?q?zw=C3=B6lf?='), { prefix: 'X-Prefix: ours\r\n' })
  await box.append(mail('Subject: x-list: one'))
  const header = (name: string, value: string): SearchCriteria => ({ kind: 'header', name, text: value })
  assert.deepEqual(await find(box, header('x-list', 'ONE')), [1])
  assert.deepEqual(await find(box, header('X-List', 'zwölf')), [1])
  assert.deepEqual(await find(box, header('X-LIST', '')), [1])
  assert.deepEqual(await find(box, header('X-Prefix', 'ours')), [1])
  assert.deepEqual(await find(box, header('X-Lis', '')), [])
})

test('BODY and TEXT look into decoded parts; only TEXT looks into headers', async () => {
  const box = await openTestAccount()
  await box.append(`Subject: outside
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

${Buffer.from('Grüße aus Köln').toString('base64')}
--b
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable
Content-Description: a description

<p>na=EFve <b>re</b>mark</p>
--b
Content-Type: application/octet-stream

invisible
--b
Content-Type: message/rfc822

Subject: =?utf-8?q?=C3=A4u=C3=9Ferung?=

inner words
--b--
`)
  const expected: readonly (readonly [string, boolean, boolean])[] = [
    ['GRÜSSE', false, false],
    ['grüße AUS', true, true],
    ['Gru\u0308\u00dfe', true, true],
    ['naïve remark', true, true],
    ['<b>', false, false],
    ['invisible', false, false],
    ['inner words', true, true],
    ['Äußerung', true, true],
    ['outside', false, true],
    ['a description', false, true],
    ['köln inner', false, false],
    ['', true, true],
  ]
  for (const [needle, inBody, inText] of expected) {
    assert.equal((await find(box, text('body', needle))).length === 1, inBody, `BODY ${needle}`)
    assert.equal((await find(box, text('text', needle))).length === 1, inText, `TEXT ${needle}`)
  }
})

test('a large part is searched in pieces, and what the pieces split is found', async () => {
  const box = await openTestAccount()
  const filler = 'ä'.repeat((1 << 19) - 3)
  await box.append(`Content-Type: text/plain; charset=utf-8\n\n${filler}fünf Nadeln${filler}ende`)
  assert.deepEqual(await find(box, text('body', 'FÜNF NADELN')), [1])
  assert.deepEqual(await find(box, text('body', 'äende')), [1])
  assert.deepEqual(await find(box, text('body', 'fünfNadeln')), [])
})

test('a message that is gone meanwhile is no match', async () => {
  const box = await openTestAccount()
  await box.append(mail('Subject: first'))
  await box.append(mail('Subject: second'))
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  const held = (await view.load(inbox))!
  await box.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, [1 as Uid], { onlyDeleted: false }),
  )
  const criteria = text('subject', 's')
  assert.deepEqual(await search({ db: box.db, blobs: box.blobs, account, view: held, criteria, now: 0 }), [1])
  const signal = AbortSignal.abort(new Error('gone'))
  await assert.rejects(
    search({ db: box.db, blobs: box.blobs, account, view: held, criteria, now: 0, signal }),
    /gone/,
  )
})

test('where only the first or last are wanted, they are the right ones, and others are not read', async () => {
  const box = await openTestAccount()
  for (let i = 0; i < 200; i++)
    await box.append(
      `Subject: s\n\n${i % 3 === 0 ? 'needle' : 'hay'}\n`,
      i % 7 === 0 ? { keywords: ['$seen'] } : {},
    )
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  const held = (await view.load(inbox))!
  const criteria = {
    kind: 'or',
    of: [{ kind: 'keyword', keyword: '$seen' }, text('body', 'needle')],
  } as const
  let reads = 0
  const blobs = new Proxy(box.blobs, {
    get: (target, name) => {
      if (name === 'read' || name === 'readRange') reads++
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const o = { db: box.db, blobs, account, view: held, criteria, now: 0 }
  const all = await search(o)
  const most = reads
  assert.ok(most > 100)
  for (const count of [1, 5, 25, 40, 84, 85, 86, 500])
    for (const isFromEnd of [false, true]) {
      reads = 0
      const found = await search({ ...o, wanted: { count, isFromEnd } })
      const part = isFromEnd
        ? [found, all].map((list) => list.slice(-count))
        : [found, all].map((list) => list.slice(0, count))
      assert.deepEqual(part[0], part[1], `${count} ${isFromEnd}`)
      assert.ok(count > 25 || reads < most, `${count} ${reads} of ${most}`)
    }
})

test('however text is split, the matcher finds what the whole contains', () => {
  const alphabet = fc.constantFrom('a', 'B', 'ü', 'u\u0308', 'ß', 'Σ', 'σ', ' ', '😀')
  const words = fc.array(alphabet, { maxLength: 12 }).map((letters) => letters.join(''))
  fc.assert(
    fc.property(
      fc.array(fc.tuple(alphabet, fc.boolean()), { maxLength: 200 }),
      fc.array(words, { maxLength: 4 }),
      (letters, needles) => {
        const folded = needles.map(foldText)
        const matcher = new TextMatcher(folded)
        let piece = ''
        for (const [letter, isEnd] of letters) {
          piece += letter
          if (!isEnd) continue
          matcher.push(piece)
          piece = ''
        }
        matcher.push(piece)
        const whole = foldText(letters.map(([letter]) => letter).join(''))
        for (const needle of folded) if (whole.includes(needle)) assert.ok(matcher.has(needle), needle)
      },
    ),
  )
})
