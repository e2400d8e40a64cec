import assert from 'node:assert/strict'
import test from 'node:test'
import { afterPrefix } from '#base/bytes.ts'
import type { AccountId, Modseq, Uid } from '#base/id.ts'
import { changeLogTable, logFloorTable } from '#kv/change-log.ts'
import { keyText } from '#kv/key.ts'
import { accountPrefix } from '#kv/table.ts'
import { copyMessages } from './copy.ts'
import { expungeMessages } from './expunge.ts'
import { storeFlags } from './flags.ts'
import { createMailbox, deleteMailbox, provisionAccount, renameMailbox } from './mailbox.ts'
import { account, archive, at, inbox, mail, openTestAccount, type TestAccount } from './test-account.ts'
import { AccountViews } from './view.ts'

test('a view follows deliveries, flags, copies and expunges', async () => {
  const { db, append } = await openTestAccount()
  const views = new AccountViews({ db, budgetBytes: 1 << 20 })
  const view = await views.open(account)
  assert.deepEqual(
    view.mailboxes.map(({ role }) => role),
    ['inbox', 'drafts', 'sent', 'junk', 'trash', 'archive'],
  )
  assert.equal((await view.load(inbox))?.count, 0)

  const first = await append(mail('Subject: one'))
  const second = await append(mail('Subject: two'), { keywords: ['$Flagged'] })
  let box = (await view.load(inbox))!
  assert.deepEqual([...box.uids], [first.uid, second.uid])
  assert.equal(Buffer.from(box.flagsAt(1).wire).toString(), '(\\Flagged)')
  assert.equal(box.modseqs.at(1), second.modseq)
  assert.equal(box.highestModseq, second.modseq)

  const before = box
  await db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [first.uid], { how: 'add', keywords: ['$seen'], deleted: true }),
  )
  await view.refresh()
  box = view.mailbox(inbox)!
  assert.equal(Buffer.from(box.flagsAt(0).wire).toString(), '(\\Seen \\Deleted)')
  assert.equal(Buffer.from(before.flagsAt(0).wire).toString(), '()', 'a view that is held does not change')
  assert.equal(box.mailbox.unseen, 1)

  const copied = await db.write([account], (tx) =>
    copyMessages(tx, { from: at(inbox), uids: [second.uid], to: at(archive) }, { savedAt: 5 }),
  )
  assert.deepEqual(copied.pairs, [[second.uid, 1]])
  const other = (await view.load(archive))!
  assert.deepEqual([...other.ids], [second.id])
  assert.equal(other.flagsAt(0).flagged, true)

  const gone = await db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, 'all', { onlyDeleted: true }),
  )
  assert.deepEqual(gone, [first.uid])
  box = (await view.load(inbox))!
  assert.deepEqual([...box.uids], [second.uid])
  assert.equal(box.indexOfUid(first.uid), -1)
  assert.equal(box.uidNext, (second.uid + 1) as Uid)
})

/** Counts what the store is asked for. */
function countReads({ engine }: TestAccount): { snapshots: number; gets: number } {
  const counts = { snapshots: 0, gets: 0 }
  const open = engine.snapshot.bind(engine)
  engine.snapshot = () => {
    const snapshot = open()
    counts.snapshots++
    return {
      ...snapshot,
      get: (key) => {
        counts.gets++
        return snapshot.get(key)
      },
    }
  }
  return counts
}

test('a refresh reads nothing where nothing was committed, and one row where others were', async () => {
  const box = await openTestAccount()
  await box.fill(10)
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  const before = await view.load(inbox)
  const counts = countReads(box)
  await view.refresh()
  assert.equal(await view.load(inbox), before)
  assert.deepEqual(counts, { snapshots: 0, gets: 0 })
  const other = 8 as AccountId
  await box.db.write([other], (tx) => provisionAccount(tx, other, 0))
  const own = { ...counts }
  await view.refresh()
  assert.equal(await view.load(inbox), before)
  assert.deepEqual(counts, { snapshots: own.snapshots + 1, gets: own.gets + 1 })
})

test('refreshes at the same time share runs, and each sees what was committed before it was called', async () => {
  const box = await openTestAccount()
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  await view.load(inbox)
  await box.append(mail('Subject: first'))
  const counts = countReads(box)
  await Promise.all(Array.from({ length: 100 }, () => view.refresh()))
  assert.equal(counts.snapshots, 1)
  const sessions = Array.from({ length: 20 }, async (_, i) => {
    for (let left = i % 4; left > 0; left--) await view.refresh()
    const { uid } = await box.append(mail(`Subject: ${i}`))
    const seen = await view.load(inbox)
    assert.ok(seen!.indexOfUid(uid) >= 0, 'a session sees its own message')
  })
  await Promise.all(sessions)
  assert.equal(view.mailbox(inbox)!.count, 21)
})

test('a failed refresh does not stop the next one', async () => {
  const box = await openTestAccount()
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  await box.append(mail('Subject: x'))
  const snapshot = box.engine.snapshot.bind(box.engine)
  box.engine.snapshot = () => {
    throw new Error('engine is gone')
  }
  const both = [view.refresh(), view.load(inbox)]
  await assert.rejects(both[0]!, /gone/)
  await assert.rejects(both[1]!, /gone/)
  box.engine.snapshot = snapshot
  assert.equal((await view.load(inbox))!.count, 1)
})

test('where the log was cut, the view is built anew', async () => {
  const box = await openTestAccount()
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  await box.fill(5)
  const before = (await view.load(inbox))!
  await box.append(mail('Subject: new'))
  await box.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, [2 as Uid], { onlyDeleted: false }),
  )
  const last = await box.db.read((tx) => tx.sequence(account))
  await box.db.write([account], async (tx) => {
    for (let modseq = 1; modseq <= last; modseq++) tx.delete(changeLogTable, [account, modseq as Modseq])
    tx.put(logFloorTable, [account], last)
  })
  await view.refresh()
  assert.deepEqual([...(await view.load(inbox))!.uids], [1, 3, 4, 5, 6])
  assert.deepEqual([...before.uids], [1, 2, 3, 4, 5])
  assert.ok(view.modseq > last)
})

test('a large mailbox is loaded in pages while it changes', async () => {
  const box = await openTestAccount()
  await box.fill(4500)
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 22 }).open(account)
  const loading = view.load(inbox)
  const expunged = [1, 1999, 2000, 2001, 4500] as Uid[]
  await box.db.write([account], (tx) => expungeMessages(tx, account, inbox, expunged, { onlyDeleted: false }))
  await box.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [3 as Uid, 4499 as Uid], { how: 'add', keywords: ['$seen'] }),
  )
  await box.fill(10)
  const loaded = (await loading)!
  const now = (await view.load(inbox))!
  for (const one of [loaded, now]) {
    assert.deepEqual(
      [...one.uids],
      [...one.uids].toSorted((a, b) => a - b),
    )
    assert.equal(one.count, one.mailbox.messages)
  }
  assert.equal(now.count, 4505)
  assert.equal(now.indexOfUid(2000), -1)
  assert.equal(now.flagsAt(now.indexOfUid(4499)).seen, true)
  assert.equal(now.mailbox.unseen, 4503)
})

test('columns leave when the budget is used up, and come back', async () => {
  const box = await openTestAccount()
  await box.fill(100)
  await box.fill(100, { mailbox: archive })
  const views = new AccountViews({ db: box.db, budgetBytes: 10_000 })
  const view = await views.open(account)
  assert.equal((await view.load(inbox))!.count, 100)
  assert.equal((await view.load(archive))!.count, 100)
  assert.equal(view.mailbox(inbox), undefined, 'both together are more than the budget')
  assert.ok(views.sizeBytes <= 10_000)
  const [first, second] = await Promise.all([view.load(inbox), view.load(archive)])
  assert.deepEqual([first!.count, second!.count], [100, 100])
  assert.equal(await views.open(account), view, 'an account has one view, in the budget or not')
})

test('two mailboxes that are asked for all the time both come, though there is room for neither', async () => {
  const box = await openTestAccount()
  for (let i = 0; i < 3; i++) await box.append(mail('Subject: x'), { mailbox: i === 0 ? archive : inbox })
  const view = await new AccountViews({ db: box.db, budgetBytes: 100 }).open(account)
  // Asked again after more and more turns, so that somebody asks at every stage of a run.
  const asking = async (id: typeof inbox, count: number, turns: number): Promise<void> => {
    for (let i = 0; i < 40; i++) {
      for (let turn = 0; turn < (i * turns) % 37; turn++) await Promise.resolve()
      assert.equal((await view.load(id))?.count, count)
    }
  }
  const pairs = [1, 2, 3, 5, 7].flatMap((turns) => [asking(inbox, 2, turns), asking(archive, 1, turns + 1)])
  await Promise.all(pairs)
})

test('mailboxes come, change and go', async () => {
  const box = await openTestAccount()
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  const { id } = await box.db.write([account], (tx) => createMailbox(tx, account, { name: 'new', parent: 0 }))
  assert.equal((await view.load(id))?.count, 0)
  await box.db.write([account], (tx) => renameMailbox(tx, account, id, { name: 'other', parent: archive }))
  assert.equal((await view.load(id))?.mailbox.name, 'other')
  await box.fill(3, { mailbox: id })
  assert.equal((await view.load(id))?.count, 3)
  await box.db.write([account], (tx) => deleteMailbox(tx, account, id))
  assert.equal(await view.load(id), undefined)
  assert.equal(view.mailbox(id), undefined)
  assert.equal(view.mailboxes.length, 6)
})

test('the view of an account that was deleted is empty', async () => {
  const box = await openTestAccount()
  const view = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  await box.fill(3)
  await view.load(inbox)
  const from = accountPrefix(account)
  const snapshot = box.engine.snapshot()
  const rows = await snapshot.range({ from, to: afterPrefix(from)!, limit: 1000 })
  snapshot.close()
  await box.engine.commit({ checks: [], puts: [], deletes: rows.map(([key]) => keyText(key)), blobs: [] })
  assert.equal(await view.load(inbox), undefined)
  assert.deepEqual(view.mailboxes, [])
})
