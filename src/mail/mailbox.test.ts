import assert from 'node:assert/strict'
import test from 'node:test'
import { type FaultCode, isFault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { noLimits } from './limits.ts'
import {
  createMailbox,
  deleteMailbox,
  listMailboxes,
  provisionAccount,
  quotaUsage,
  renameMailbox,
} from './mailbox.ts'
import { findMailbox, mailboxPath, mailboxPaths } from './mailbox-path.ts'
import type { Mailbox } from './mailbox-row.ts'
import {
  dropLostSubscription,
  listForeignSubscriptions,
  listLostSubscriptions,
  setSubscribed,
  subscribeForeign,
  unsubscribeForeign,
} from './subscription.ts'
import {
  account,
  archive,
  createdAt,
  inbox,
  mail,
  openTestAccount,
  type TestAccount,
} from './test-account.ts'

const write = <T>(box: TestAccount, body: (tx: WriteTx) => Promise<T>): Promise<T> =>
  box.db.write([account], body)
const create = (box: TestAccount, name: string, parent: MailboxId | 0 = 0): Promise<Mailbox> =>
  write(box, (tx) => createMailbox(tx, account, { name, parent }))
const all = (box: TestAccount): Promise<readonly Mailbox[]> => box.db.read((tx) => listMailboxes(tx, account))
const fails = (code: FaultCode, work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => isFault(error, code))

test('an account begins with six mailboxes whose UIDVALIDITY starts at its creation', async () => {
  const box = await openTestAccount()
  const mailboxes = await all(box)
  assert.deepEqual(
    mailboxes.map(({ id, name, subscribed }) => [id, name, subscribed]),
    [
      [1, 'Inbox', true],
      [2, 'Drafts', true],
      [3, 'Sent', true],
      [4, 'Junk', true],
      [5, 'Trash', true],
      [6, 'Archive', true],
    ],
  )
  assert.equal(mailboxes[0]!.uidValidity, createdAt / 1000)
  assert.equal(new Set(mailboxes.map(({ uidValidity }) => uidValidity)).size, 6)
  await fails(
    'exists',
    write(box, (tx) => provisionAccount(tx, account, createdAt)),
  )
})

test('UIDVALIDITY is new when a name is used again, and stays when a mailbox is renamed', async () => {
  const box = await openTestAccount()
  const first = await create(box, 'work')
  await write(box, (tx) => renameMailbox(tx, account, first.id, { name: 'job', parent: 0 }))
  const renamed = (await all(box)).find(({ id }) => id === first.id)!
  assert.equal(renamed.name, 'job')
  assert.equal(renamed.uidValidity, first.uidValidity)
  await write(box, (tx) => deleteMailbox(tx, account, first.id))
  const again = await create(box, 'job')
  assert.ok(again.uidValidity > first.uidValidity)
  assert.ok(again.id > first.id)
})

test('names are checked', async () => {
  const box = await openTestAccount()
  for (const name of [
    '',
    'a/b',
    'tab\there',
    'line\u2028',
    'u\u0308',
    '\ud800',
    '\ufeffname',
    'x'.repeat(256),
  ]) {
    await fails('invalid', create(box, name))
  }
  await create(box, 'x'.repeat(255))
  await fails('exists', create(box, 'INBOX'))
  await fails('exists', create(box, 'Sent'))
  await create(box, 'sent')
  await create(box, 'inbox', archive)
  await fails('notFound', create(box, 'child', 99 as MailboxId))
  await fails(
    'exists',
    write(box, (tx) => createMailbox(tx, account, { name: 'Other', parent: 0, role: 'sent' })),
  )
})

test('mailboxes nest to a bounded depth and never into themselves', async () => {
  const box = await openTestAccount()
  let parent: MailboxId | 0 = 0
  const chain: MailboxId[] = []
  for (let i = 0; i < 16; i++) chain.push((parent = (await create(box, 'deep', parent)).id))
  await fails('tooLarge', create(box, 'deeper', parent))
  const rename = (id: MailboxId, to: MailboxId | 0): Promise<void> =>
    write(box, (tx) => renameMailbox(tx, account, id, { name: 'moved', parent: to }))
  await fails('invalid', rename(chain[0]!, chain[3]!))
  await fails('invalid', rename(chain[0]!, chain[0]!))
  await fails('tooLarge', rename(chain[0]!, archive))
  await fails('forbidden', rename(inbox, 0))
  await rename(chain[2]!, archive)
  const mailboxes = await all(box)
  assert.equal(mailboxPath(mailboxes, chain[3]!), 'Archive/moved/deep')
  assert.equal(findMailbox(mailboxes, 'Archive/moved/deep')?.id, chain[3])
  assert.equal(findMailbox(mailboxes, 'iNbOx')?.id, inbox)
  assert.equal(findMailbox(mailboxes, 'archive/moved'), undefined)
  assert.equal(findMailbox(mailboxes, ''), undefined)
  assert.equal(mailboxPaths(mailboxes).get(inbox), 'INBOX')
})

test('deleting a mailbox takes its messages along, unless they are elsewhere too', async () => {
  const box = await openTestAccount()
  const { id } = await create(box, 'work')
  await box.append(mail('Subject: gone'), { mailbox: id })
  const kept = await box.append(mail('Subject: kept'), { mailbox: inbox })
  await fails(
    'forbidden',
    write(box, (tx) => deleteMailbox(tx, account, inbox)),
  )
  const child = await create(box, 'child', id)
  await fails(
    'conflict',
    write(box, (tx) => deleteMailbox(tx, account, id)),
  )
  await write(box, (tx) => deleteMailbox(tx, account, child.id))
  await write(box, (tx) => deleteMailbox(tx, account, id))
  assert.equal((await box.db.read((tx) => quotaUsage(tx, account))).messages, 1)
  await fails(
    'notFound',
    write(box, (tx) => deleteMailbox(tx, account, id)),
  )
  await fails('notFound', box.append(mail('Subject: late'), { mailbox: id }))
  assert.equal((await box.append(mail('Subject: next'))).id, kept.id + 1)
})

test('a subscription outlives its mailbox and comes back with the name', async () => {
  const box = await openTestAccount()
  const lost = (): Promise<readonly string[]> => box.db.read((tx) => listLostSubscriptions(tx, account))
  const { id } = await create(box, 'lists', archive)
  assert.equal((await all(box)).at(-1)!.subscribed, false)
  await write(box, (tx) => setSubscribed(tx, account, id, true))
  await write(box, (tx) => deleteMailbox(tx, account, id))
  assert.deepEqual(await lost(), ['Archive/lists'])
  assert.equal((await create(box, 'lists', archive)).subscribed, true)
  assert.deepEqual(await lost(), [])
  await write(box, (tx) => deleteMailbox(tx, account, (id + 1) as MailboxId))
  assert.equal(await write(box, (tx) => dropLostSubscription(tx, account, 'Archive/lists')), true)
  assert.equal(await write(box, (tx) => dropLostSubscription(tx, account, 'Archive/lists')), false)
  assert.equal((await create(box, 'lists', archive)).subscribed, false)
  await fails(
    'notFound',
    write(box, (tx) => setSubscribed(tx, account, 99 as MailboxId, true)),
  )
})

test('an account has no more mailboxes than its limit', async () => {
  const box = await openTestAccount()
  const limits = { ...noLimits, mailboxes: 7 }
  await write(box, (tx) => createMailbox(tx, account, { name: 'seventh', parent: 0, limits }))
  await fails(
    'overQuota',
    write(box, (tx) => createMailbox(tx, account, { name: 'eighth', parent: 0, limits })),
  )
})

test('subscriptions to mailboxes of others are the subscriber’s own', async () => {
  const box = await openTestAccount()
  const shared = { account: 9 as AccountId, mailbox: archive }
  await write(box, (tx) => subscribeForeign(tx, account, { ...shared, path: 'Other Users/x/Archive' }))
  await write(box, (tx) => subscribeForeign(tx, account, { ...shared, path: 'Other Users/x/Old' }))
  const all = (): Promise<unknown> => box.db.read((tx) => listForeignSubscriptions(tx, account))
  assert.deepEqual(await all(), [{ ...shared, path: 'Other Users/x/Old' }])
  await write(box, async (tx) => unsubscribeForeign(tx, account, shared))
  assert.deepEqual(await all(), [])
})
