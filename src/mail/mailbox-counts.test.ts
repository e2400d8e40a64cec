/**
 * Random histories against the rules of RFC 8621 §2, counted anew from all messages after each step; the change
 * log says which mailboxes and Threads are different, and no others.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { MailboxId, MessageId, Modseq, Uid } from '#base/id.ts'
import { changesSince } from '#kv/change-log.ts'
import { copyMessages, moveMessages } from './copy.ts'
import { expungeMessages } from './expunge.ts'
import { storeFlags } from './flags.ts'
import { createMailbox, deleteMailbox, listMailboxes, updateMailbox } from './mailbox.ts'
import type { Mailbox } from './mailbox-row.ts'
import type { MailboxCounts } from './mailbox-counts.ts'
import type { MessageRow } from './message-row.ts'
import { messageTable } from './tables.ts'
import { account, archive, at, inbox, mail, openTestAccount, type TestAccount } from './test-account.ts'

const trash = 5 as MailboxId

interface State {
  readonly mailboxes: readonly Mailbox[]
  readonly rows: readonly MessageRow[]
  readonly threads: ReadonlyMap<number, string>
  readonly modseq: Modseq
}

async function stateOf(box: TestAccount): Promise<State> {
  return box.db.read(async (tx) => {
    const found = await tx.list(messageTable, [account])
    const threads = new Map<number, string>()
    for (const [[, id], { thread, entries }] of found)
      if (entries.some((entry) => !entry.deleted)) threads.set(thread, `${threads.get(thread) ?? ''} ${id}`)
    return {
      mailboxes: await listMailboxes(tx, account),
      rows: found.map(([, row]) => row),
      threads,
      modseq: await tx.sequence(account),
    }
  })
}

/** RFC 8621 §2, word by word. */
function counted({ mailboxes, rows }: State, mailbox: MailboxId): MailboxCounts {
  const trashId = mailboxes.find(({ role }) => role === 'trash')?.id
  const places = (row: MessageRow): Set<MailboxId> =>
    new Set(row.entries.filter((entry) => !entry.deleted).map((entry) => entry.mailbox))
  const isUnread = ({ keywords }: MessageRow): boolean =>
    !keywords.includes('$seen') && !keywords.includes('$draft')
  const here = rows.filter((row) => places(row).has(mailbox))
  const threads = [...new Set(here.map(({ thread }) => thread))]
  const visible = (row: MessageRow): boolean => {
    const all = places(row)
    if (all.size === 0) return false
    return mailbox === trashId ? all.has(mailbox) : !(all.size === 1 && all.has(trashId!))
  }
  const unread = rows.filter((row) => visible(row) && isUnread(row))
  return {
    emails: here.length,
    unreadEmails: here.filter(isUnread).length,
    threads: threads.length,
    unreadThreads: threads.filter((id) => unread.some(({ thread }) => thread === id)).length,
    unreadThreadsWithin: threads.filter((id) => here.some((row) => row.thread === id && isUnread(row)))
      .length,
  }
}

const byId = (mailboxes: readonly Mailbox[]): ReadonlyMap<MailboxId, Mailbox> =>
  new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox]))

async function check(box: TestAccount, before: State): Promise<State> {
  const now = await stateOf(box)
  for (const mailbox of now.mailboxes)
    assert.deepEqual(mailbox.counts, counted(now, mailbox.id), mailbox.name)
  const told = await box.db.read((tx) => changesSince(tx, account, 'Mailbox', before.modseq, 1e6))
  assert.ok(told !== 'tooOld')
  const was = byId(before.mailboxes)
  for (const { id, counts } of now.mailboxes) {
    const older = was.get(id)
    if (older === undefined) assert.ok(told.created.includes(id))
    else if (JSON.stringify(older.counts) !== JSON.stringify(counts)) assert.ok(told.updated.includes(id))
  }
  const threads = await box.db.read((tx) => changesSince(tx, account, 'Thread', before.modseq, 1e6))
  assert.ok(threads !== 'tooOld')
  const ids = (list: readonly number[]): readonly number[] => list.toSorted((a, b) => a - b)
  const keys = (state: State, is: (id: number) => boolean): readonly number[] =>
    ids([...state.threads.keys()].filter(is))
  assert.deepEqual(
    ids(threads.created),
    keys(now, (id) => !before.threads.has(id)),
  )
  assert.deepEqual(
    ids(threads.destroyed),
    keys(before, (id) => !now.threads.has(id)),
  )
  for (const [id, messages] of now.threads)
    if (before.threads.has(id) && before.threads.get(id) !== messages) assert.ok(threads.updated.includes(id))
  return now
}

const pick = fc.nat({ max: 1000 })
const some = fc.array(pick, { minLength: 1, maxLength: 4 })
const words = fc.subarray(['$seen', '$draft', '$flagged'])
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      box: pick,
      words,
      deleted: fc.boolean(),
      ref: pick,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('store' as const),
      box: pick,
      uids: some,
      words,
      deleted: fc.boolean(),
      how: fc.constantFrom('add' as const, 'remove' as const, 'replace' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('copy' as const),
      box: pick,
      to: pick,
      uids: some,
      move: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('expunge' as const),
      box: pick,
      uids: some,
      onlyDeleted: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trash' as const), box: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('create' as const), name: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), box: pick }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function apply(box: TestAccount, { mailboxes }: State, one: Step, count: number): Promise<void> {
  const { db } = box
  // Few of them, so that threads reach over several.
  const few = mailboxes.filter(({ id }) => id === inbox || id >= trash)
  const id = (n: number): MailboxId => few[n % few.length]!.id
  const uids = (mailbox: MailboxId, numbers: readonly number[]): Uid[] => {
    const { uidNext } = mailboxes.find((other) => other.id === mailbox)!
    return [...new Set(numbers.map((n) => 1 + (n % uidNext)))].toSorted((a, b) => a - b) as Uid[]
  }
  switch (one.do) {
    case 'append': {
      const text = mail(`Message-ID: <${count}@x>`, `In-Reply-To: <thread${one.ref % 4}@x>`, 'Subject: s')
      await box.append(text, {
        mailbox: id(one.box),
        keywords: one.words,
        deleted: one.deleted && one.ref % 2 === 0,
      })
      return
    }
    case 'store': {
      const { how, words: keywords, deleted } = one
      const mailbox = id(one.box)
      await db.write([account], (tx) =>
        storeFlags(tx, account, mailbox, uids(mailbox, one.uids), { how, keywords, deleted }),
      )
      return
    }
    case 'copy': {
      const from = id(one.box)
      const transfer = one.move ? moveMessages : copyMessages
      // What may not have its keywords becomes a message of its own, in the same thread.
      const may = { seen: one.uids[0]! % 3 > 0, deleted: true, others: true }
      await db.write([account], (tx) =>
        transfer(tx, { from: at(from), uids: uids(from, one.uids), to: at(id(one.to)) }, { savedAt: 1, may }),
      )
      return
    }
    case 'expunge': {
      const mailbox = id(one.box)
      const { onlyDeleted } = one
      await db.write([account], (tx) =>
        expungeMessages(tx, account, mailbox, uids(mailbox, one.uids), { onlyDeleted }),
      )
      return
    }
    case 'trash':
      return db.write([account], async (tx) => {
        const old = mailboxes.find(({ role }) => role === 'trash')
        if (old !== undefined) await updateMailbox(tx, account, old.id, { role: null })
        const next = id(one.box)
        if (next !== inbox && next !== archive) await updateMailbox(tx, account, next, { role: 'trash' })
      })
    case 'create': {
      const hasTrash = mailboxes.some(({ role }) => role === 'trash')
      const role = hasTrash ? {} : ({ role: 'trash' } as const)
      await db.write([account], (tx) =>
        createMailbox(tx, account, { name: `box ${count}`, parent: 0, ...role }),
      )
      return
    }
    case 'delete': {
      const mailbox = id(one.box)
      if (mailbox === inbox || mailbox === archive) return
      await db.write([account], (tx) => deleteMailbox(tx, account, mailbox))
    }
  }
}

test('RFC 8621 §2: what is counted after random commands, and what the change log says of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const box = await openTestAccount()
      let state = await stateOf(box)
      for (const [i, one] of steps.entries()) {
        await apply(box, state, one, i)
        state = await check(box, state)
      }
    }),
    { numRuns: 60 },
  )
})

const countsOf = async (box: TestAccount, id: MailboxId): Promise<MailboxCounts> =>
  (await stateOf(box)).mailboxes.find((mailbox) => mailbox.id === id)!.counts

test('RFC 8621 §2: the example of the trash, an unread message there and a read one in the Inbox', async () => {
  const box = await openTestAccount()
  await box.append(mail('Message-ID: <a@x>', 'Subject: s'), { mailbox: trash })
  await box.append(mail('Message-ID: <b@x>', 'References: <a@x>', 'Subject: Re: s'), { keywords: ['$seen'] })
  assert.equal((await countsOf(box, trash)).unreadThreads, 1)
  assert.equal((await countsOf(box, inbox)).unreadThreads, 0)
})

test('RFC 8621 §2.2: a message that is read changes the counts of another mailbox of its thread', async () => {
  const box = await openTestAccount()
  const first = await box.append(mail('Message-ID: <a@x>', 'Subject: s'), {
    mailbox: archive,
    keywords: ['$seen'],
  })
  const { uid, modseq } = await box.append(mail('Message-ID: <b@x>', 'References: <a@x>', 'Subject: s'))
  assert.equal((await countsOf(box, archive)).unreadThreads, 1)
  assert.equal((await countsOf(box, archive)).unreadThreadsWithin, 0)
  const before = (await stateOf(box)).mailboxes.find(({ id }) => id === archive)!
  await box.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [uid], { how: 'add', keywords: ['$seen'] }),
  )
  const changes = await box.db.read((tx) => changesSince(tx, account, 'Mailbox', modseq, 100))
  assert.ok(changes !== 'tooOld')
  assert.deepEqual([changes.updated.toSorted((a, b) => a - b), changes.countsOnly], [[inbox, archive], true])
  const after = (await stateOf(box)).mailboxes.find(({ id }) => id === archive)!
  assert.equal(after.highestModseq, before.highestModseq, 'nothing changed for IMAP')
  assert.equal(first.id, 1 as MessageId)
})

test('RFC 8621 §2: a message twice in a mailbox counts once', async () => {
  const box = await openTestAccount()
  const { uid } = await box.append(mail('Subject: s'))
  await box.db.write([account], (tx) =>
    copyMessages(tx, { from: at(inbox), uids: [uid], to: at(inbox) }, { savedAt: 1 }),
  )
  const one = { emails: 1, unreadEmails: 1, threads: 1, unreadThreads: 1, unreadThreadsWithin: 1 }
  assert.deepEqual(await countsOf(box, inbox), one)
})
