import assert from 'node:assert/strict'
import test from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { createMailbox, provisionAccount } from './mailbox.ts'
import { rightsOf } from './rights.ts'
import { changeGrant, removeGrant } from './share.ts'
import { listNotifications, maxNotifications, type ShareNotice } from './share-notification.ts'
import { account, archive, createdAt, openTestAccount, type TestAccount } from './test-account.ts'

const ann = 8 as AccountId
const notice = (by: AccountId = account): ShareNotice => ({
  by: { account: by, name: 'fred', email: null },
  at: createdAt,
  told: [{ account: ann, groups: [] }],
})

async function start(): Promise<TestAccount> {
  const box = await openTestAccount()
  await box.db.write([ann], (tx) => provisionAccount(tx, ann, createdAt))
  return box
}

const give = (
  box: TestAccount,
  letters: string,
  o: { mailbox?: MailboxId; by?: AccountId } = {},
): Promise<void> =>
  box.db.write([account, ann], (tx) =>
    changeGrant(
      tx,
      { account, mailbox: o.mailbox ?? archive },
      { grantee: ann, kind: 'granted', how: 'set', rights: rightsOf(letters) },
      { maxShares: 9, notice: notice(o.by) },
    ),
  )
const told = async (box: TestAccount): Promise<readonly string[]> =>
  (await box.db.read((tx) => listNotifications(tx, ann))).map(
    ([, { name, oldRights, newRights }]) => `${name} ${oldRights} ${newRights}`,
  )

test('RFC 9670 §3: notifications say what somebody could do and can; nothing where nothing is different', async () => {
  const box = await start()
  await give(box, 'lr')
  assert.deepEqual(await told(box), [`Archive 0 ${rightsOf('lr')}`])
  await give(box, 'lr')
  assert.equal((await told(box)).length, 1)
  await give(box, 'lrs', { by: 9 as AccountId })
  assert.deepEqual(await told(box), [`Archive 0 ${rightsOf('lrs')}`])
  await box.db.write([account, ann], (tx) =>
    removeGrant(tx, { account, mailbox: archive }, { grantee: ann, kind: 'granted' }, notice()),
  )
  assert.deepEqual(await told(box), [])
})

test('RFC 9670 §6.3: never more than some; the oldest go, and no number comes twice', async () => {
  const box = await start()
  const numbers = new Set<number>()
  for (let i = 0; i < maxNotifications + 3; i++) {
    const { id } = await box.db.write([account], (tx) =>
      createMailbox(tx, account, { name: `box ${i}`, parent: 0 }),
    )
    await give(box, 'lr', { mailbox: id })
    for (const [number] of await box.db.read((tx) => listNotifications(tx, ann))) numbers.add(number)
  }
  const left = await box.db.read((tx) => listNotifications(tx, ann))
  assert.equal(left.length, maxNotifications)
  assert.equal(numbers.size, maxNotifications + 3)
  assert.equal(left.at(-1)![1].name, `box ${maxNotifications + 2}`)
})
