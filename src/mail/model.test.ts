/**
 * Random commands against a plain model. After each one the refreshed view, a view built anew and the rows
 * agree with the model; the counters equal a recount; UIDs rise and are never used twice; the change log and
 * the expunge log say exactly what happened since any earlier commit.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { MailboxId, MessageId, Modseq, Uid } from '#base/id.ts'
import { changesSince, expungedSince } from '#kv/change-log.ts'
import { copyMessages, moveMessages } from './copy.ts'
import { expungeMessages } from './expunge.ts'
import { storeFlags } from './flags.ts'
import { ingest } from './ingest.ts'
import { noLimits } from './limits.ts'
import { createMailbox, deleteMailbox, quotaUsage, renameMailbox } from './mailbox.ts'
import type { MailboxView } from './mailbox-view.ts'
import type { MessageRow } from './message-row.ts'
import { entryTable, messageTable, structureTable, threadKeyTable, threadTable } from './tables.ts'
import { account, archive, at, inbox, openTestAccount, type TestAccount } from './test-account.ts'
import { type AccountView, AccountViews } from './view.ts'

interface ModelEntry {
  readonly id: MessageId
  deleted: boolean
  modseq: number
}

interface ModelMessage {
  keywords: Set<string>
  readonly size: number
  readonly createdAt: number
  changedAt: number
}

interface ModelMailbox {
  readonly entries: Map<number, ModelEntry>
  readonly expunged: [modseq: number, uid: number][]
  uidNext: number
  highestModseq: number
}

/** What the account must look like, kept by the simplest means. */
class Model {
  readonly mailboxes = new Map<MailboxId, ModelMailbox>()
  readonly messages = new Map<MessageId, ModelMessage>()
  readonly destroyed: { readonly id: MessageId; readonly at: number }[] = []
  /** Whether JMAP saw a message, as of each commit that was looked at (RFC 8621 §4.1.1). */
  readonly #shown = new Map<MessageId, [modseq: number, isShown: boolean][]>()

  open(id: MailboxId, modseq: number): void {
    this.mailboxes.set(id, { entries: new Map(), expunged: [], uidNext: 1, highestModseq: modseq })
  }

  add(mailbox: MailboxId, uid: number, id: MessageId, modseq: number, deleted: boolean): void {
    const box = this.mailboxes.get(mailbox)!
    assert.equal(uid, box.uidNext, 'UIDs rise by one and are never used again')
    box.uidNext++
    box.highestModseq = modseq
    box.entries.set(uid, { id, deleted, modseq })
    this.messages.get(id)!.changedAt = modseq
  }

  remove(mailbox: MailboxId, uid: number, modseq: number): void {
    const box = this.mailboxes.get(mailbox)!
    const { id } = box.entries.get(uid)!
    box.entries.delete(uid)
    box.expunged.push([modseq, uid])
    box.highestModseq = modseq
    const message = this.messages.get(id)!
    message.changedAt = modseq
    if (this.entriesOf(id).length > 0) return
    this.messages.delete(id)
    this.destroyed.push({ id, at: modseq })
  }

  noteShown(modseq: number): void {
    for (const [id, { createdAt }] of this.messages) {
      const known = this.#shown.get(id) ?? []
      known.push([known.length === 0 ? createdAt : modseq, this.isShown(id)])
      this.#shown.set(id, known)
    }
  }

  isShown(id: MessageId): boolean {
    return this.entriesOf(id).some(([, , { deleted }]) => !deleted)
  }

  wasShown(id: MessageId, at: number): boolean {
    return this.#shown.get(id)?.findLast(([modseq]) => modseq <= at)?.[1] ?? false
  }

  entriesOf(id: MessageId): [MailboxId, ModelMailbox, ModelEntry][] {
    return [...this.mailboxes].flatMap(([mailbox, box]) =>
      [...box.entries.values()]
        .filter((entry) => entry.id === id)
        .map((entry) => [mailbox, box, entry] as [MailboxId, ModelMailbox, ModelEntry]),
    )
  }
}

const words = ['$seen', '$flagged', '$junk', 'custom', 'other-word']
const pick = fc.nat({ max: 1000 })
const someWords = fc.subarray(words)
const change = fc.record({
  how: fc.constantFrom('add' as const, 'remove' as const, 'replace' as const),
  keywords: someWords,
  deleted: fc.boolean(),
  sinceBack: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
})
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      box: pick,
      keywords: someWords,
      deleted: fc.boolean(),
      ref: fc.option(pick, { nil: undefined }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('store' as const),
      box: pick,
      uids: fc.array(pick, { maxLength: 5 }),
      change,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('copy' as const),
      box: pick,
      to: pick,
      uids: fc.array(pick, { maxLength: 4 }),
      move: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('expunge' as const),
      box: pick,
      uids: fc.option(fc.array(pick, { maxLength: 5 }), { nil: undefined }),
      onlyDeleted: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('create' as const), name: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), box: pick, name: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), box: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('together' as const), box: pick, count: fc.nat({ max: 5 }) }),
  },
)
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never

class Run {
  readonly mail: TestAccount
  readonly model = new Model()
  readonly views: AccountViews
  readonly view: AccountView
  #names = 0

  constructor(mail: TestAccount, views: AccountViews, view: AccountView) {
    this.mail = mail
    this.views = views
    this.view = view
    for (const { id } of view.mailboxes) this.model.open(id, view.modseq)
  }

  #box(number: number): MailboxId {
    const ids = [...this.model.mailboxes.keys()]
    return ids[number % ids.length]!
  }

  /** Mostly UIDs that exist, some that do not. */
  #uids(mailbox: MailboxId, numbers: readonly number[]): Uid[] {
    const { uidNext } = this.model.mailboxes.get(mailbox)!
    return [...new Set(numbers.map((n) => 1 + (n % uidNext)))].sort((a, b) => a - b) as Uid[]
  }

  async apply(c: Command): Promise<void> {
    const { db } = this.mail
    const { model } = this
    switch (c.do) {
      case 'append':
        return this.#append(this.#box(c.box), c.keywords, c.deleted, c.ref)
      case 'store':
        return this.#store(this.#box(c.box), c.uids, c.change)
      case 'copy':
        return this.#copy(this.#box(c.box), this.#box(c.to), c.uids, c.move)
      case 'expunge':
        return this.#expunge(this.#box(c.box), c.uids, c.onlyDeleted)
      case 'create': {
        const made = await db.write([account], (tx) =>
          createMailbox(tx, account, { name: `box ${this.#names++}`, parent: 0 }),
        )
        model.open(made.id, made.highestModseq)
        return
      }
      case 'rename': {
        const id = this.#box(c.box)
        if (id !== inbox)
          await db.write([account], (tx) =>
            renameMailbox(tx, account, id, { name: `box ${this.#names++}`, parent: 0 }),
          )
        return
      }
      case 'delete': {
        const id = this.#box(c.box)
        if (id === inbox || id === archive) return
        const modseq = await db.write([account], async (tx) => {
          await deleteMailbox(tx, account, id)
          return tx.modseq(account)
        })
        for (const uid of model.mailboxes.get(id)!.entries.keys()) model.remove(id, uid, modseq)
        model.mailboxes.delete(id)
        return
      }
      case 'together':
        return this.#together(this.#box(c.box), c.count)
    }
  }

  async #append(
    box: MailboxId,
    keywords: readonly string[],
    deleted: boolean,
    ref: number | undefined,
  ): Promise<void> {
    const refs = ref === undefined ? '' : `References: <m${ref % 10}@x>\n`
    const text = `Message-ID: <m${(ref ?? 0) % 7}@x>\n${refs}Subject: Re: s${(ref ?? 0) % 2}\n\nbody ${box}\n`
    const done = await this.mail.append(text, {
      mailbox: box,
      keywords,
      deleted,
      prefix: 'Return-Path: <>\r\n',
    })
    const size = text.replaceAll('\n', '\r\n').length + 'Return-Path: <>\r\n'.length
    this.model.messages.set(done.id, {
      keywords: new Set(keywords),
      size,
      createdAt: done.modseq,
      changedAt: 0,
    })
    this.model.add(box, done.uid, done.id, done.modseq, deleted)
  }

  async #store(
    box: MailboxId,
    numbers: readonly number[],
    { how, keywords, deleted, sinceBack }: typeof change extends fc.Arbitrary<infer T> ? T : never,
  ): Promise<void> {
    const uids = this.#uids(box, numbers)
    const { model, mail } = this
    const { entries } = model.mailboxes.get(box)!
    const since = sinceBack === undefined ? undefined : ((this.view.modseq - sinceBack) as Modseq)
    const done = await mail.db.write([account], (tx) =>
      storeFlags(tx, account, box, uids, {
        how,
        keywords,
        deleted,
        ...(since === undefined ? {} : { unchangedSince: since }),
      }),
    )
    const there = uids.filter((uid) => entries.has(uid))
    const modified = there.filter((uid) => since !== undefined && entries.get(uid)!.modseq > since)
    const changed: number[] = []
    const touched = new Set<MessageId>()
    for (const uid of there.filter((one) => !modified.includes(one))) {
      const entry = entries.get(uid)!
      const message = model.messages.get(entry.id)!
      const before = [...message.keywords].sort().join()
      const wasDeleted = entry.deleted
      if (how === 'replace') message.keywords = new Set(keywords)
      for (const word of keywords) {
        if (how === 'add') message.keywords.add(word)
        if (how === 'remove') message.keywords.delete(word)
      }
      entry.deleted = how === 'replace' ? deleted : deleted ? how === 'add' : entry.deleted
      const otherWords = [...message.keywords].sort().join() !== before
      if (otherWords || entry.deleted !== wasDeleted) {
        message.changedAt = done.modseq
        touched.add(entry.id)
        for (const [, of, one] of model.entriesOf(entry.id)) {
          if (!otherWords && one !== entry) continue
          one.modseq = of.highestModseq = done.modseq
        }
      }
      if (touched.has(entry.id)) changed.push(uid)
    }
    assert.deepEqual(done.modified, modified)
    assert.deepEqual(done.changed, changed)
  }

  async #copy(from: MailboxId, to: MailboxId, numbers: readonly number[], move: boolean): Promise<void> {
    const uids = this.#uids(from, numbers)
    const { model, mail } = this
    const { entries } = model.mailboxes.get(from)!
    const present = uids.filter((uid) => entries.has(uid)).map((uid) => [uid, entries.get(uid)!] as const)
    const { modseq, pairs } = await mail.db.write([account], async (tx) => {
      const transfer = move ? moveMessages : copyMessages
      return {
        modseq: tx.modseq(account),
        pairs: (await transfer(tx, { from: at(from), uids, to: at(to) }, { savedAt: 1 })).pairs,
      }
    })
    assert.deepEqual(
      pairs.map(([uid]) => uid),
      present.map(([uid]) => uid),
    )
    for (const [i, [uid, entry]] of present.entries()) {
      model.add(to, pairs[i]![1], entry.id, modseq, entry.deleted)
      if (move) model.remove(from, uid, modseq)
    }
  }

  async #expunge(
    box: MailboxId,
    numbers: readonly number[] | undefined,
    onlyDeleted: boolean,
  ): Promise<void> {
    const { model, mail } = this
    const { entries } = model.mailboxes.get(box)!
    const uids = numbers === undefined ? 'all' : this.#uids(box, numbers)
    const { modseq, gone } = await mail.db.write([account], async (tx) => ({
      modseq: tx.modseq(account),
      gone: await expungeMessages(tx, account, box, uids, { onlyDeleted }),
    }))
    const expected = (uids === 'all' ? [...entries.keys()] : uids).filter(
      (uid) => entries.has(uid) && (!onlyDeleted || entries.get(uid)!.deleted),
    )
    assert.deepEqual(gone, expected)
    for (const uid of gone) model.remove(box, uid, modseq)
  }

  /** Several writers at once share commits. */
  async #together(box: MailboxId, count: number): Promise<void> {
    const { model, mail } = this
    const text = 'Subject: x\r\n\r\n'
    const message = await mail.prepare(text)
    const options = { mailbox: box, keywords: [], savedAt: 3, limits: noLimits }
    const writers = Array.from({ length: count }, () =>
      mail.db.write([account], (tx) => ingest(tx, account, message, options)),
    )
    const failing = mail.db.write([account], async (tx) => {
      await ingest(tx, account, message, options)
      throw new Error('planned')
    })
    await assert.rejects(failing, /planned/)
    for (const done of await Promise.all(writers)) {
      model.messages.set(done.id, {
        keywords: new Set(),
        size: text.length,
        createdAt: done.modseq,
        changedAt: 0,
      })
      model.add(box, done.uid, done.id, done.modseq, false)
    }
  }

  async check(sinceBack: number): Promise<void> {
    await this.view.refresh()
    const fresh = await new AccountViews({ db: this.mail.db, budgetBytes: 1 << 24 }).open(account)
    assert.deepEqual(this.view.mailboxes, fresh.mailboxes)
    assert.deepEqual(
      this.view.mailboxes.map(({ id }) => id),
      [...this.model.mailboxes.keys()],
    )
    for (const id of this.model.mailboxes.keys()) {
      this.#checkMailbox(id, (await this.view.load(id))!)
      this.#checkMailbox(id, (await fresh.load(id))!)
    }
    await this.#checkRows()
    this.model.noteShown(this.view.modseq)
    await this.#checkLogs(Math.max(0, this.view.modseq - sinceBack) as Modseq)
  }

  #checkMailbox(id: MailboxId, box: MailboxView): void {
    const model = this.model.mailboxes.get(id)!
    const seen = [...model.entries.values()].map(({ id: message, deleted }) => ({
      ...this.model.messages.get(message)!,
      deleted,
    }))
    assert.deepEqual([...box.uids], [...model.entries.keys()])
    assert.deepEqual(
      [...box.ids],
      [...model.entries.values()].map((entry) => entry.id),
    )
    assert.deepEqual(
      [...box.modseqs],
      [...model.entries.values()].map((entry) => entry.modseq),
    )
    assert.deepEqual(
      [...box.sizes],
      seen.map(({ size }) => size),
    )
    for (const [i, { keywords, deleted }] of seen.entries()) {
      assert.deepEqual(box.flagsAt(i).keywords, [...keywords].sort())
      assert.equal(box.flagsAt(i).deleted, deleted)
    }
    const { messages, unseen, deleted, sizeBytes, highestModseq, uidNext } = box.mailbox
    assert.deepEqual(
      { messages, unseen, deleted, sizeBytes, highestModseq, uidNext },
      {
        messages: seen.length,
        unseen: seen.filter(({ keywords }) => !keywords.has('$seen')).length,
        deleted: seen.filter((entry) => entry.deleted).length,
        sizeBytes: seen.reduce((sum, { size }) => sum + size, 0),
        highestModseq: model.highestModseq,
        uidNext: model.uidNext,
      },
    )
  }

  async #checkRows(): Promise<void> {
    const { model } = this
    await this.mail.db.read(async (tx) => {
      const rows = await tx.list(messageTable, [account])
      assert.deepEqual(
        rows.map(([[, id]]) => id),
        [...model.messages.keys()],
      )
      assert.deepEqual(
        (await tx.list(structureTable, [account])).map(([[, id]]) => id),
        [...model.messages.keys()],
      )
      const used = [...model.messages.values()].reduce((sum, { size }) => sum + size, 0)
      assert.deepEqual(await quotaUsage(tx, account), { usedBytes: used, messages: model.messages.size })
      const entries = (await tx.list(entryTable, [account])).map(
        ([[, mailbox, uid], id]) => `${mailbox} ${uid} ${id}`,
      )
      const listed = rows.flatMap(([[, id], row]) =>
        row.entries.map(({ mailbox, uid }) => `${mailbox} ${uid} ${id}`),
      )
      assert.deepEqual(entries.sort(), listed.sort())
      checkThreads(rows, await tx.list(threadTable, [account]), await tx.list(threadKeyTable, [account]))
    })
  }

  async #checkLogs(from: Modseq): Promise<void> {
    const { model } = this
    const told = await this.mail.db.read((tx) => changesSince(tx, account, 'Email', from, 1e6))
    assert.ok(told !== 'tooOld')
    const ascending = (ids: Iterable<number>): number[] => [...ids].sort((a, b) => a - b)
    const shown = (ids: readonly number[]): number[] =>
      ascending(ids.filter((id) => model.isShown(id as MessageId)))
    const [wasShown, wasNot] = [[] as MessageId[], [] as MessageId[]]
    for (const id of model.messages.keys()) (model.wasShown(id, from) ? wasShown : wasNot).push(id)
    assert.deepEqual(shown(told.created), shown(wasNot))
    const changed = wasShown.filter((id) => model.messages.get(id)!.changedAt > from)
    assert.deepEqual(shown(told.updated), shown(changed))
    assert.deepEqual(shown(told.destroyed), [])
    // What nobody saw may be told of as gone, too.
    const gone = told.destroyed.filter((id) => model.wasShown(id as MessageId, from))
    const hidden = wasShown.filter((id) => !model.isShown(id))
    const expected = model.destroyed.filter(({ id, at }) => at > from && model.wasShown(id, from))
    assert.deepEqual(ascending(gone), ascending([...hidden, ...expected.map(({ id }) => id)]))
    for (const [id, { expunged }] of model.mailboxes) {
      const uids = await this.mail.db.read((tx) => expungedSince(tx, account, id, from))
      assert.deepEqual(uids, ascending(expunged.filter(([modseq]) => modseq > from).map(([, uid]) => uid)))
    }
  }
}

type Rows<K, V> = readonly (readonly [readonly [unknown, K], V])[]

/** Every message is in the thread that its row names, and nothing is left of threads that are gone. */
function checkThreads(
  messages: Rows<MessageId, MessageRow>,
  threads: Rows<number, { readonly messages: readonly MessageId[] }>,
  keys: Rows<string, number>,
): void {
  const members = new Map<number, number[]>()
  for (const [[, id], { thread }] of messages) members.set(thread, [...(members.get(thread) ?? []), id])
  for (const [[, thread], row] of threads) assert.deepEqual(row.messages, members.get(thread))
  const withRow = new Set(threads.map(([[, thread]]) => thread))
  for (const [thread, ids] of members) if (!withRow.has(thread)) assert.deepEqual(ids, [thread])
  for (const [, thread] of keys) assert.ok(members.has(thread), 'a key leads to a thread that exists')
}

test('random commands leave rows, views and logs as the model has them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(command, fc.nat({ max: 12 })), { minLength: 5, maxLength: 40 }),
      async (commands) => {
        const mail = await openTestAccount()
        // Small enough that columns are dropped now and then.
        const views = new AccountViews({ db: mail.db, budgetBytes: 20_000 })
        const run = new Run(mail, views, await views.open(account))
        for (const [one, sinceBack] of commands) {
          await run.apply(one)
          await run.check(sinceBack)
        }
      },
    ),
    { numRuns: 60 },
  )
})
