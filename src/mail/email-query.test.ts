import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import type { MailboxId, MessageId, Modseq } from '#base/id.ts'
import { parseStructure } from '#message/mime.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { copyMessages, moveMessages } from './copy.ts'
import type { EmailCondition, EmailFilter, MayRead } from './email-filter.ts'
import { queryEmailChanges } from './email-query-changes.ts'
import { type EmailQuery, queryEmails } from './email-query.ts'
import { sortedText } from './email-keys.ts'
import type { EmailSort } from './email-sort.ts'
import type { EmailView } from './email-view.ts'
import { expungeMessages } from './expunge.ts'
import { storeFlags } from './flags.ts'
import { indexedUpTo } from './index-status.ts'
import { openIndexed } from './indexed-account.test.ts'
import { ingest } from './ingest.ts'
import { noLimits } from './limits.ts'
import { type MessageRow, sizeOf } from './message-row.ts'
import { prepareMessage } from './prepare.ts'
import { messageTable, structureTable } from './tables.ts'
import { account, archive, at, createdAt, inbox, openTestAccount, type TestAccount } from './test-account.ts'
import { type AccountView, AccountViews } from './view.ts'

const drafts = 2 as MailboxId
const boxes = [inbox, archive, drafts] as const
const keywords = ['$seen', '$flagged', 'work'] as const

interface Letter {
  readonly topic: number
  readonly from: string
  readonly word: string
  readonly minute: number
  readonly filler: number
  readonly hasFile: boolean
}

const letters: fc.Arbitrary<Letter> = fc.record({
  topic: fc.integer({ min: 0, max: 4 }),
  from: fc.constantFrom('anna', 'Bert', 'bert', 'Äda'),
  word: fc.constantFrom('tea', 'coffee', 'Tea time', 'invoices'),
  minute: fc.integer({ min: 0, max: 5 }),
  filler: fc.integer({ min: 0, max: 3 }),
  hasFile: fc.boolean(),
})

type Step =
  | { readonly kind: 'deliver'; readonly letter: Letter; readonly box: number; readonly keywords: string[] }
  | { readonly kind: 'flag'; readonly nth: number; readonly keyword: string; readonly how: 'add' | 'remove' }
  | { readonly kind: 'delete'; readonly nth: number; readonly how: 'add' | 'remove' }
  | { readonly kind: 'copy' | 'move'; readonly nth: number; readonly box: number }
  | { readonly kind: 'expunge'; readonly nth: number }

const nth = fc.nat({ max: 30 })
const box = fc.nat({ max: boxes.length - 1 })
const how = fc.constantFrom('add' as const, 'remove' as const)
const deliveries: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('deliver' as const),
  letter: letters,
  box,
  keywords: fc.subarray([...keywords]),
})
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: deliveries },
  fc.record({ kind: fc.constant('flag' as const), nth, keyword: fc.constantFrom(...keywords), how }),
  fc.record({ kind: fc.constant('delete' as const), nth, how }),
  fc.record({ kind: fc.constantFrom('copy' as const, 'move' as const), nth, box }),
  fc.record({ kind: fc.constant('expunge' as const), nth }),
)

function textOf({ topic, from, word, filler, hasFile }: Letter): string {
  const header = `From: ${from} <${from.toLowerCase()}@example.org>\r\nSubject: about ${topic} ${word}\r\nReferences: <${topic}@example.org>\r\n`
  const body = `${word}${'.'.repeat(filler)}\r\n`
  if (!hasFile) return `${header}\r\n${body}`
  return `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${body}\r\n--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--\r\n`
}

async function deliver(of: TestAccount, letter: Letter, mailbox: MailboxId, flags: string[]): Promise<void> {
  const bytes = Buffer.from(textOf(letter))
  const message = prepareMessage({
    staged: await of.stage(bytes),
    structure: parseStructure(bytes),
    prefix: Buffer.alloc(0),
    receivedAt: createdAt + 60_000 * letter.minute,
  })
  const o = { mailbox, keywords: flags, savedAt: createdAt, limits: noLimits }
  await of.db.write([account], (tx) => ingest(tx, account, message, o))
}

async function take(of: TestAccount, step: Step): Promise<void> {
  if (step.kind === 'deliver') return deliver(of, step.letter, boxes[step.box]!, step.keywords)
  const rows = await of.db.read((tx) => tx.list(messageTable, [account]))
  const entries = rows.flatMap(([, row]) => row.entries)
  const entry = entries[step.nth % Math.max(1, entries.length)]
  if (entry === undefined) return
  const { mailbox, uid } = entry
  await of.db.write([account], async (tx): Promise<unknown> => {
    switch (step.kind) {
      case 'flag':
        return storeFlags(tx, account, mailbox, [uid], { how: step.how, keywords: [step.keyword] })
      case 'delete':
        return storeFlags(tx, account, mailbox, [uid], { how: step.how, keywords: [], deleted: true })
      case 'copy':
        return copyMessages(tx, at(mailbox), [uid], at(boxes[step.box]!), { savedAt: createdAt })
      case 'move':
        return moveMessages(tx, at(mailbox), [uid], at(boxes[step.box]!), { savedAt: createdAt })
      case 'expunge':
        return expungeMessages(tx, account, mailbox, [uid], { onlyDeleted: false })
    }
  })
}

const conditions: fc.Arbitrary<EmailCondition> = fc.oneof(
  fc.record({ inMailbox: fc.constantFrom(...boxes) }),
  fc.record({ inMailboxOtherThan: fc.subarray([...boxes]) }),
  fc.record({ before: fc.integer({ min: 0, max: 5 }).map((minute) => createdAt + 60_000 * minute) }),
  fc.record({ after: fc.integer({ min: 0, max: 5 }).map((minute) => createdAt + 60_000 * minute) }),
  fc.record({ minSize: fc.integer({ min: 90, max: 120 }), maxSize: fc.integer({ min: 100, max: 300 }) }),
  ...(
    [
      'allInThreadHaveKeyword',
      'someInThreadHaveKeyword',
      'noneInThreadHaveKeyword',
      'hasKeyword',
      'notKeyword',
    ] as const
  ).map((name) => fc.constantFrom(...keywords, '$SEEN').map((keyword) => ({ [name]: keyword }))),
  fc.record({ hasAttachment: fc.boolean() }),
  fc.record({ from: fc.constantFrom('bert', 'ann', 'äda', 'bert@example.org', '"anna"') }),
  fc.record({ subject: fc.constantFrom('tea', 'about time', '"tea time"', '"about tea"', 'invoice') }),
  fc.record({ body: fc.constantFrom('COFFEE', 'tea time', '"time tea"', 'coff') }),
  fc.record({ header: fc.constantFrom(['References', '1@example.org'] as const, ['X-None'] as const) }),
  fc.constant({}),
)

const { filter: filters } = fc.letrec<{ filter: EmailFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'filter', withCrossShrink: true },
    conditions.map((condition) => ({ condition })),
    fc.record({
      operator: fc.constantFrom('AND' as const, 'OR' as const, 'NOT' as const),
      conditions: fc.array(tie('filter'), { maxLength: 3 }),
    }),
  ),
}))

const sorts: fc.Arbitrary<EmailSort> = fc.oneof(
  fc.record({
    key: fc.constantFrom('receivedAt' as const, 'size' as const, 'from' as const, 'subject' as const),
    isAscending: fc.boolean(),
  }),
  fc.record({
    key: fc.constantFrom(
      'hasKeyword' as const,
      'allInThreadHaveKeyword' as const,
      'someInThreadHaveKeyword' as const,
    ),
    isAscending: fc.boolean(),
    keyword: fc.constantFrom(...keywords),
  }),
)

const queries: fc.Arbitrary<EmailQuery> = fc.record({
  filter: fc.option(filters, { nil: undefined }),
  sort: fc.array(sorts, { maxLength: 3 }),
  collapseThreads: fc.boolean(),
})

interface Known {
  readonly id: number
  readonly row: MessageRow
  readonly structure: StoredStructure
  readonly text: string
}

const isReadable = ({ id }: { id: MailboxId }): boolean => id !== drafts

/** All that may be seen, by id. */
async function everything(of: TestAccount): Promise<readonly Known[]> {
  const found: Known[] = []
  const rows = await of.db.read((tx) => tx.list(messageTable, [account]))
  for (const [[, id], row] of rows) {
    if (!row.entries.some(({ mailbox, deleted }) => !deleted && mailbox !== drafts)) continue
    const structure = (await of.db.read((tx) => tx.get(structureTable, account, id)))!
    const bytes: Buffer[] = []
    for await (const piece of of.blobs.read(row.blob, 0, row.blobBytes)) bytes.push(Buffer.from(piece))
    found.push({ id, row, structure: new StoredStructure(structure), text: Buffer.concat(bytes).toString() })
  }
  return found
}

const mailboxesOf = ({ row }: Known): readonly MailboxId[] =>
  row.entries.filter(({ deleted, mailbox }) => !deleted && mailbox !== drafts).map(({ mailbox }) => mailbox)

const has = (one: Known, keyword: string): boolean => one.row.keywords.includes(keyword.toLowerCase())

/** Of words and phrases as they are in the conditions above, without the rules of any language. */
function matchesText(text: string, wanted: string): boolean {
  const plain = text.toUpperCase().normalize('NFKD')
  const folded = wanted.toUpperCase().normalize('NFKD')
  const words = plain.split(/[^\p{L}\p{N}\p{M}]+/u)
  if (folded.startsWith('"'))
    return ` ${words.join(' ')} `.includes(` ${folded.slice(1, -1).replaceAll('"', '')} `)
  return folded
    .split(' ')
    .every((token) => (token.includes('@') ? plain.includes(token) : words.some((w) => w.startsWith(token))))
}

function meets(one: Known, filter: EmailFilter, all: readonly Known[]): boolean {
  if ('operator' in filter) {
    const answers = filter.conditions.map((inner) => meets(one, inner, all))
    if (filter.operator === 'AND') return !answers.includes(false)
    return answers.includes(true) === (filter.operator === 'OR')
  }
  const c = filter.condition
  const thread = all.filter(({ row }) => row.thread === one.row.thread)
  const body = one.text.slice(one.text.indexOf('\r\n\r\n'))
  return [
    c.inMailbox === undefined || mailboxesOf(one).includes(c.inMailbox),
    c.inMailboxOtherThan === undefined || mailboxesOf(one).some((id) => !c.inMailboxOtherThan!.includes(id)),
    c.before === undefined || one.row.receivedAt < c.before,
    c.after === undefined || one.row.receivedAt >= c.after,
    c.minSize === undefined || sizeOf(one.row) >= c.minSize,
    c.maxSize === undefined || sizeOf(one.row) < c.maxSize,
    c.allInThreadHaveKeyword === undefined || thread.every((other) => has(other, c.allInThreadHaveKeyword!)),
    c.someInThreadHaveKeyword === undefined || thread.some((other) => has(other, c.someInThreadHaveKeyword!)),
    c.noneInThreadHaveKeyword === undefined ||
      !thread.some((other) => has(other, c.noneInThreadHaveKeyword!)),
    c.hasKeyword === undefined || has(one, c.hasKeyword),
    c.notKeyword === undefined || !has(one, c.notKeyword),
    c.hasAttachment === undefined || one.structure.hasAttachment === c.hasAttachment,
    c.from === undefined || matchesText(one.structure.memberText('from'), c.from),
    c.subject === undefined || matchesText(one.structure.memberText('subject'), c.subject),
    c.body === undefined || matchesText(body, c.body),
    c.header === undefined || (c.header[0] !== 'X-None' && one.text.includes(`References: <${c.header[1]}>`)),
  ].every(Boolean)
}

function keyOf(one: Known, sort: EmailSort, all: readonly Known[]): string | number {
  if ('keyword' in sort) {
    const thread = all.filter(({ row }) => row.thread === one.row.thread)
    if (sort.key === 'hasKeyword') return Number(has(one, sort.keyword))
    const is = (other: Known): boolean => has(other, sort.keyword)
    return Number(sort.key === 'allInThreadHaveKeyword' ? thread.every(is) : thread.some(is))
  }
  if (sort.key === 'receivedAt') return one.row.receivedAt
  if (sort.key === 'size') return sizeOf(one.row)
  return sortedText(one.structure, sort.key as 'from')
    .toUpperCase()
    .normalize('NFKD')
}

function naive(all: readonly Known[], { filter, sort, collapseThreads }: EmailQuery): readonly number[] {
  const found = all.filter((one) => filter === undefined || meets(one, filter, all))
  // What no sort tells apart has the order of ids, in the direction of the last one.
  const last = sort.at(-1)
  const newestFirst = { key: 'receivedAt', isAscending: false } as const
  const keyed = last === undefined || 'keyword' in last ? [...sort, newestFirst] : sort
  found.sort((a, b) => {
    for (const one of keyed) {
      const [first, second] = [keyOf(a, one, all), keyOf(b, one, all)]
      if (first !== second) return first < second === one.isAscending ? -1 : 1
    }
    return keyed.at(-1)!.isAscending === a.id < b.id ? -1 : 1
  })
  const threads = new Set<number>()
  return found
    .filter(({ row }) => !collapseThreads || (!threads.has(row.thread) && threads.add(row.thread)))
    .map(({ id }) => id)
}

const optionsOf = (
  of: TestAccount,
  view: EmailView,
  query: EmailQuery,
  mayRead: MayRead = isReadable,
): Parameters<typeof queryEmails>[0] => ({
  db: of.db,
  blobs: of.blobs,
  account,
  view,
  query,
  mayRead,
})

async function idsOf(
  of: TestAccount,
  view: EmailView,
  query: EmailQuery,
  mayRead: MayRead = isReadable,
): Promise<readonly number[]> {
  const { slots, total } = await queryEmails(optionsOf(of, view, query, mayRead))
  assert.equal(total, slots.length)
  return Array.from(slots, (slot) => view.ids[slot]!)
}

const open = (of: TestAccount): Promise<AccountView> =>
  new AccountViews({ db: of.db, budgetBytes: 1 << 24 }).open(account)

test('RFC 8621 §4.4: filters, sorts and threads are what looking at every message shows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(steps, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 }),
      fc.array(queries, { minLength: 1, maxLength: 6 }),
      fc.nat({ max: 4 }),
      async (rounds, asked, first) => {
        const of = await openTestAccount()
        const kept = await open(of)
        for (const round of rounds) {
          for (const step of round) await take(of, step)
          const view = await kept.loadEmails()
          const all = await everything(of)
          for (const query of asked) {
            const expected = naive(all, query)
            assert.deepEqual(await idsOf(of, view, query), expected)
            for (const needsTotal of [false, true]) {
              const part = await queryEmails({ ...optionsOf(of, view, query), first, needsTotal })
              assert.deepEqual(
                Array.from(part.slots.subarray(0, first), (slot) => view.ids[slot]),
                expected.slice(0, first),
              )
              if (needsTotal) assert.equal(part.total, expected.length)
            }
          }
        }
      },
    ),
    { numRuns: 150 },
  )
})

interface Told {
  readonly removed: readonly number[]
  readonly added: readonly { readonly id: number; readonly index: number }[]
}

/** RFC 8620 §5.6. */
function spliced(before: readonly number[], { removed, added }: Told): readonly number[] {
  const ids = before.filter((id) => !removed.includes(id))
  for (const { id, index } of added) ids.splice(index, 0, id)
  return ids
}

test('RFC 8620 §5.6: what is removed and added makes of the old result the new one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(deliveries, { maxLength: 8 }),
      fc.array(steps, { minLength: 1, maxLength: 6 }),
      fc.array(queries, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (earlier, later, asked, readsAll) => {
        const mayRead = readsAll ? () => true : isReadable
        const of = await openTestAccount()
        const kept = await open(of)
        for (const step of earlier) await take(of, step)
        const then = await kept.loadEmails()
        const before = await Promise.all(asked.map((query) => idsOf(of, then, query, mayRead)))
        for (const step of later) {
          await take(of, step)
          if (step.kind !== 'flag') await kept.refresh()
        }
        // One that remembers what was, and one that only has the change log.
        for (const view of [await kept.loadEmails(), await (await open(of)).loadEmails()]) {
          for (const [i, query] of asked.entries()) {
            const o = { ...optionsOf(of, view, query, mayRead), since: then.changedAt }
            const told = await queryEmailChanges(o)
            // Who may not read all is not told what is gone: it may never have been seen.
            if (told === 'unknown' && !readsAll) continue
            assert.ok(told !== 'unknown')
            const now = await idsOf(of, view, query, mayRead)
            assert.deepEqual(spliced(before[i]!, told), now)
            assert.equal(told.total, now.length)
            assert.equal(new Set(told.removed).size, told.removed.length)
            assert.deepEqual(
              told.added.map(({ index }) => index),
              told.added.map(({ index }) => index).sort((a, b) => a - b),
            )
          }
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('RFC 8621 §4.4.1: text of attachments is found once it is indexed, and told as a change', async () => {
  const of = await openIndexed()
  const document = zipSync({ 'word/document.xml': Buffer.from('<w:p><w:t>quarterly figures</w:t></w:p>') })
  await of.append(
    [
      'Subject: report\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee there\n--b',
      'Content-Type: application/octet-stream; name="Numbers.docx"\nContent-Transfer-Encoding: base64\n',
      `${Buffer.from(document).toString('base64')}\n--b--\n`,
    ].join('\n'),
  )
  await of.append('Subject: other\n\nfigures\n')
  const view = await (await open(of)).loadEmails()
  const filter = { condition: { text: 'figure' } }
  const { indexes } = of
  const o = { ...optionsOf(of, view, { filter, sort: [], collapseThreads: false }), indexes }
  const found = async (): Promise<readonly number[]> =>
    Array.from((await queryEmails(o)).slots, (slot) => view.ids[slot]!)
  const before = await found()
  assert.deepEqual([before, await indexedUpTo(of.db, account)], [[2], 0])
  of.indexer.look(account)
  await of.indexer.settled()
  const after = await found()
  assert.deepEqual([after, await indexedUpTo(of.db, account)], [[2, 1], 2])
  const told = await queryEmailChanges({ ...o, since: view.changedAt, indexed: { before: 0, now: 2 } })
  assert.ok(told !== 'unknown')
  assert.deepEqual(spliced(before, told), after)
})

test('RFC 8620 §5.6: what lies behind upToId is left out where nothing can move', async () => {
  const of = await openTestAccount()
  const kept = await open(of)
  const letter = { topic: 0, from: 'anna', word: 'tea', filler: 0, hasFile: false }
  for (const minute of [1, 2, 3]) await deliver(of, { ...letter, topic: minute, minute }, inbox, [])
  const then = await kept.loadEmails()
  await deliver(of, { ...letter, topic: 9, minute: 0 }, inbox, [])
  await deliver(of, { ...letter, topic: 8, minute: 5 }, inbox, [])
  const view = await kept.loadEmails()
  const sort = [{ key: 'receivedAt', isAscending: false }] as const
  const changes = async (filter: EmailFilter | undefined, upTo: number): Promise<Told> => {
    const o = optionsOf(of, view, { filter, sort, collapseThreads: false })
    const told = await queryEmailChanges({ ...o, since: then.changedAt, upTo: upTo as MessageId })
    assert.ok(told !== 'unknown')
    return { removed: told.removed, added: told.added }
  }
  const newest = { id: 5, index: 0 }
  assert.deepEqual(await changes(undefined, 2), { removed: [], added: [newest] })
  assert.deepEqual(await changes(undefined, 99), { removed: [], added: [newest, { id: 4, index: 4 }] })
  const mutable = { condition: { inMailbox: inbox } }
  assert.deepEqual(await changes(mutable, 2), { removed: [], added: [newest, { id: 4, index: 4 }] })
})

test('RFC 8620 §5.6: a flag moves nothing in a result that does not depend on it', async () => {
  const of = await openTestAccount()
  const kept = await open(of)
  const letter = { topic: 0, from: 'anna', word: 'tea', filler: 0, hasFile: false }
  for (const minute of [1, 2, 3]) await deliver(of, { ...letter, topic: minute, minute }, inbox, [])
  const then = await kept.loadEmails()
  await take(of, { kind: 'flag', nth: 1, keyword: '$seen', how: 'add' })
  const filter = { condition: { inMailbox: inbox } }
  const query = { filter, sort: [{ key: 'receivedAt', isAscending: false }], collapseThreads: true } as const
  const o = { ...optionsOf(of, await kept.loadEmails(), query), since: then.changedAt }
  assert.deepEqual(await queryEmailChanges(o), { removed: [], added: [], total: 3 })
  assert.equal(await queryEmailChanges({ ...o, since: (o.view.modseq + 1) as Modseq }), 'unknown')
})
