import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Uid } from '#base/id.ts'
import { copyMessages, moveMessages } from './copy.ts'
import type { EmailView } from './email-view.ts'
import { storeFlags } from './flags.ts'
import { keepColumns } from './kept-columns.ts'
import { account, archive, at, inbox, openTestAccount, type TestAccount } from './test-account.ts'
import { type AccountView, AccountViews } from './view.ts'

const open = ({ db }: TestAccount): Promise<AccountView> =>
  new AccountViews({ db, budgetBytes: 1 << 24 }).open(account)

/** What a view says of all messages. */
const contents = (view: EmailView): unknown =>
  Array.from({ length: view.count }, (_, slot) => [
    view.ids[slot],
    view.threads[slot],
    view.ids[view.leaders[slot]!],
    view.sizes[slot],
    view.receivedAt[slot],
    view.sets.at(view.keywords[slot]!).keywords,
    view.placeSets.at(view.places[slot]!),
  ])

async function filled(): Promise<TestAccount> {
  const box = await openTestAccount()
  await box.fill(300, { keywords: ['$seen'] })
  await box.fill(300, { mailbox: archive })
  const uids = [3, 5, 7] as Uid[]
  await box.db.write([account], async (tx) => {
    await copyMessages(tx, { from: at(inbox), uids, to: at(archive) }, { savedAt: 1 })
    await storeFlags(tx, account, inbox, uids.slice(1), { how: 'add', keywords: ['work'], deleted: true })
    await storeFlags(tx, account, archive, uids.slice(2), { how: 'add', keywords: [], deleted: true })
  })
  return box
}

test('the messages of an account are those of its mailboxes, from rows, kept columns, or memory', async () => {
  const box = await filled()
  const fromRows = contents(await (await open(box)).loadEmails())
  assert.equal((fromRows as unknown[]).length, 600)
  const loaded = await open(box)
  for (const mailbox of [inbox, archive])
    await keepColumns(box.db, account, (await loaded.load(mailbox))!, loaded.modseq)
  assert.deepEqual(contents(await (await open(box)).loadEmails()), fromRows)
  assert.deepEqual(contents(await loaded.loadEmails()), fromRows)
  await box.fill(2)
  const later = contents(await loaded.loadEmails())
  assert.deepEqual(contents(await (await open(box)).loadEmails()), later)
})

test('a message that is moved while mailboxes are read is there', async () => {
  const box = await filled()
  const view = await open(box)
  const read = box.db.read.bind(box.db)
  // Into the Inbox, once that has been read.
  let reads = 0
  box.db.read = async (body) => {
    if (reads++ === 2)
      await box.db.write([account], (tx) =>
        moveMessages(tx, { from: at(archive), uids: [20 as Uid], to: at(inbox) }, { savedAt: 1 }),
      )
    return read(body)
  }
  const found = contents(await view.loadEmails())
  box.db.read = read
  assert.ok(reads > 2)
  assert.deepEqual(found, contents(await (await open(box)).loadEmails()))
  assert.equal((found as unknown[]).length, 600)
})
