import assert from 'node:assert/strict'
import test from 'node:test'
import type { Uid } from '#base/id.ts'
import { copyMessages } from './copy.ts'
import { expungeMessages } from './expunge.ts'
import { storeFlags } from './flags.ts'
import { account, archive, inbox, mail, openTestAccount } from './test-account.ts'
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
  assert.equal(box.modseqs[1], second.modseq)
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
    copyMessages(tx, account, inbox, [second.uid], archive, { savedAt: 5 }),
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
