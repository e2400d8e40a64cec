/** What tests of queries over all messages share: random mail, random queries, and what they find by looking at all. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { MailboxId } from '#base/id.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { copyMessages, moveMessages } from './copy.ts'
import type { EmailCondition, EmailFilter, MayRead } from './email-query/filter.ts'
import { type EmailQuery, queryEmails } from './email-query/query.ts'
import { sortedText } from './email-query/keys.ts'
import type { EmailSort } from './email-query/sort.ts'
import type { EmailView } from './email-view.ts'
import { expungeMessages } from './expunge.ts'
import { storeFlags } from './flags.ts'
import { ingest } from './ingest.ts'
import { noLimits } from './limits.ts'
import { type MessageRow, sizeOf } from './message-row.ts'
import { prepareBytes } from './test-message.ts'
import { messageTable, structureTable } from './tables.ts'
import { account, archive, at, createdAt, inbox, type TestAccount } from './test-account.ts'
import { type AccountView, AccountViews } from './view.ts'

const drafts = 2 as MailboxId
export const boxes = [inbox, archive, drafts] as const
export const keywords = ['$seen', '$flagged', 'work'] as const

interface Letter {
  readonly topic: number
  readonly from: string
  readonly word: string
  readonly minute: number
  readonly filler: number
  readonly hasFile: boolean
}

export const letters: fc.Arbitrary<Letter> = fc.record({
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
export const deliveries: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('deliver' as const),
  letter: letters,
  box,
  keywords: fc.subarray([...keywords]),
})
export const steps: fc.Arbitrary<Step> = fc.oneof(
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

export async function deliver(
  of: TestAccount,
  letter: Letter,
  mailbox: MailboxId,
  flags: string[],
): Promise<void> {
  const bytes = Buffer.from(textOf(letter))
  const message = await prepareBytes(of.blobs, bytes, { receivedAt: createdAt + 60_000 * letter.minute })
  const o = { mailbox, keywords: flags, savedAt: createdAt, limits: noLimits }
  await of.db.write([account], (tx) => ingest(tx, account, message, o))
}

export async function take(of: TestAccount, step: Step): Promise<void> {
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
        return copyMessages(
          tx,
          { from: at(mailbox), uids: [uid], to: at(boxes[step.box]!) },
          { savedAt: createdAt },
        )
      case 'move':
        return moveMessages(
          tx,
          { from: at(mailbox), uids: [uid], to: at(boxes[step.box]!) },
          { savedAt: createdAt },
        )
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

export const queries: fc.Arbitrary<EmailQuery> = fc.record({
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

export const isReadable = ({ id }: { id: MailboxId }): boolean => id !== drafts

/** All that may be seen, by id. */
export async function everything(of: TestAccount): Promise<readonly Known[]> {
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

export function naive(
  all: readonly Known[],
  { filter, sort, collapseThreads }: EmailQuery,
): readonly number[] {
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

export const optionsOf = (
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

export async function idsOf(
  of: TestAccount,
  view: EmailView,
  query: EmailQuery,
  mayRead: MayRead = isReadable,
): Promise<readonly number[]> {
  const { slots, total } = await queryEmails(optionsOf(of, view, query, mayRead))
  assert.equal(total, slots.length)
  return Array.from(slots, (slot) => view.ids[slot]!)
}

export const open = (of: TestAccount): Promise<AccountView> =>
  new AccountViews({ db: of.db, budgetBytes: 1 << 24 }).open(account)
