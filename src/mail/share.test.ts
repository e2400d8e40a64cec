import assert from 'node:assert/strict'
import test from 'node:test'
import { type FaultCode, isFault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import { anyRowTable } from '#kv/check.ts'
import { accountPrefix } from '#kv/table.ts'
import type { WriteTx } from '#kv/tx.ts'
import { createMailbox, deleteMailbox, listMailboxes, provisionAccount, renameMailbox } from './mailbox.ts'
import { allRights, anyone, formatRights, type Grant, noRights, rightsOf } from './rights.ts'
import { purgeAccount } from './purge.ts'
import {
  accountsSharingWith,
  changeGrant,
  type GrantChange,
  listGrants,
  removeGrant,
  removeGrantee,
  setGrants,
} from './share.ts'
import { shareTable } from './tables.ts'
import { account, archive, at, createdAt, openTestAccount, type TestAccount } from './test-account.ts'

const [fred, staff, second] = [8, 9, 10] as AccountId[] as [AccountId, AccountId, AccountId]
const o = { maxShares: 5 }

const write = <T>(box: TestAccount, body: (tx: WriteTx) => Promise<T>): Promise<T> =>
  box.db.write([account], body)
const grant = (grantee: AccountId, granted: string): Grant => ({
  grantee,
  granted: rightsOf(granted),
  denied: noRights,
})
const change = (
  box: TestAccount,
  grantee: AccountId,
  how: GrantChange['how'],
  rights: string,
  kind: GrantChange['kind'] = 'granted',
): Promise<void> =>
  write(box, (tx) => changeGrant(tx, at(archive), { grantee, kind, how, rights: rightsOf(rights) }, o))
const shown = async (box: TestAccount, mailbox: MailboxId = archive): Promise<readonly string[]> =>
  (await box.db.read((tx) => listGrants(tx, { account, mailbox }))).map(
    ({ grantee, granted, denied }) =>
      `${grantee} ${granted === undefined ? 'none' : formatRights(granted)} -${formatRights(denied)}`,
  )
const index = async (box: TestAccount): Promise<readonly string[]> =>
  (await box.db.read((tx) => tx.list(shareTable, []))).map(([key]) => key.join(' '))
async function fails(code: FaultCode, body: Promise<unknown>): Promise<void> {
  await assert.rejects(body, (error) => isFault(error, code))
}

test('rights are given, added to, taken away and removed, and the index follows', async () => {
  const box = await openTestAccount()
  await change(box, fred, 'set', 'lr')
  assert.deepEqual(await shown(box), ['8 lr -'])
  assert.deepEqual(await index(box), ['8 7 6'])
  await change(box, fred, 'add', 'i')
  await change(box, fred, 'remove', 'l')
  await change(box, fred, 'set', 'w', 'denied')
  await change(box, staff, 'set', 's', 'denied')
  assert.deepEqual(await shown(box), ['8 ri -w', '9 none -s'])
  assert.deepEqual(await index(box), ['8 7 6', '9 7 6'])
  await write(box, (tx) => removeGrant(tx, at(archive), { grantee: fred, kind: 'granted' }))
  assert.deepEqual(await shown(box), ['8 none -w', '9 none -s'])
  assert.deepEqual(await index(box), ['8 7 6', '9 7 6'])
  await write(box, (tx) => removeGrant(tx, at(archive), { grantee: fred, kind: 'denied' }))
  await change(box, staff, 'remove', 's', 'denied')
  await change(box, anyone, 'set', '')
  assert.deepEqual(await shown(box), [])
  assert.deepEqual(await index(box), [])
})

test('the entry of the owner begins with all rights, and is one where it has none', async () => {
  const box = await openTestAccount()
  await change(box, account, 'remove', 'tex')
  assert.deepEqual(await shown(box), ['7 lrswipkca -'])
  await change(box, account, 'set', '')
  assert.deepEqual(await shown(box), ['7  -'])
  assert.deepEqual(await index(box), [])
  await write(box, (tx) => removeGrant(tx, at(archive), { grantee: account, kind: 'granted' }))
  assert.deepEqual(await shown(box), [])
})

test('entries are limited, and no mailbox is no mailbox', async () => {
  const box = await openTestAccount()
  const many = Array.from({ length: 5 }, (_, i) => grant((20 + i) as AccountId, 'lr'))
  await write(box, (tx) => setGrants(tx, at(archive), many, o))
  await fails('tooLarge', change(box, fred, 'set', 'l'))
  await write(box, (tx) =>
    changeGrant(
      tx,
      at(archive),
      { grantee: many[0]!.grantee, kind: 'granted', how: 'set', rights: allRights },
      {
        maxShares: 1,
      },
    ),
  )
  await write(box, (tx) => removeGrant(tx, at(archive), { grantee: many[4]!.grantee, kind: 'granted' }))
  assert.equal((await shown(box)).length, 4)
  const twice = [grant(fred, 'l'), grant(fred, 'r')]
  await fails(
    'invalid',
    write(box, (tx) => setGrants(tx, at(archive), twice, o)),
  )
  const nowhere = 99 as MailboxId
  await fails(
    'notFound',
    write(box, (tx) => setGrants(tx, at(nowhere), many, o)),
  )
  await fails(
    'notFound',
    box.db.read((tx) => listGrants(tx, at(nowhere))),
  )
  await write(box, (tx) => setGrants(tx, at(archive), [grant(staff, 'lr'), grant(fred, '')], o))
  assert.deepEqual(await index(box), ['9 7 6'])
})

test('a new mailbox inherits, a renamed one keeps, a deleted one leaves nothing', async () => {
  const box = await openTestAccount()
  await change(box, fred, 'set', 'lrk')
  const child = await write(box, (tx) => createMailbox(tx, account, { name: 'child', parent: archive }))
  assert.deepEqual(child.grants, [grant(fred, 'lrk')])
  assert.deepEqual(await index(box), ['8 7 6', `8 7 ${child.id}`])
  await write(box, (tx) => renameMailbox(tx, account, child.id, { name: 'moved', parent: 0 }))
  assert.deepEqual(await shown(box, child.id), ['8 lrkc -'])
  await write(box, (tx) => deleteMailbox(tx, account, child.id))
  assert.deepEqual(await index(box), ['8 7 6'])
  assert.deepEqual(
    (await write(box, (tx) => createMailbox(tx, account, { name: 'top', parent: 0 }))).grants,
    [],
  )
})

test('who shares with somebody: by name, by group, by anyone, and the groups themselves', async () => {
  const box = await openTestAccount()
  for (const id of [second, staff]) await box.db.write([id], (tx) => provisionAccount(tx, id, createdAt))
  const sharing = (who: AccountId, groups: readonly AccountId[] = []) =>
    box.db.read((tx) => accountsSharingWith(tx, { account: who, groups }))
  assert.deepEqual(await sharing(fred), [])
  assert.deepEqual(await sharing(fred, [staff]), [staff])
  await change(box, staff, 'set', 'l')
  assert.deepEqual(await sharing(fred), [])
  assert.deepEqual(await sharing(fred, [staff]), [account, staff])
  await box.db.write([second], (tx) =>
    setGrants(tx, { account: second, mailbox: archive }, [grant(anyone, 'p')], o),
  )
  assert.deepEqual(await sharing(fred, [staff]), [account, staff, second])
  assert.deepEqual(await sharing(second), [])
})

test('an account that is deleted leaves all lists', async () => {
  const box = await openTestAccount()
  await change(box, fred, 'set', 'lr')
  await change(box, staff, 'set', 'lr')
  await removeGrantee(box.db, fred)
  assert.deepEqual(await shown(box), ['9 lr -'])
  assert.deepEqual(await index(box), ['9 7 6'])
  await removeGrantee(box.db, fred)
})

test('an account that is purged leaves nothing in the index, neither as owner nor as grantee', async () => {
  const box = await openTestAccount()
  await box.db.write([second], (tx) => provisionAccount(tx, second, createdAt))
  await change(box, fred, 'set', 'lr')
  await change(box, second, 'set', 'lr', 'denied')
  await box.db.write([second], (tx) =>
    setGrants(tx, { account: second, mailbox: archive }, [grant(account, 'l')], o),
  )
  await purgeAccount(box.db, second, new AbortController().signal)
  assert.deepEqual(await shown(box), ['8 lr -'])
  assert.deepEqual(await index(box), ['8 7 6'])
  assert.deepEqual(await box.db.read((tx) => tx.list(anyRowTable, [accountPrefix(second)])), [])
})

test('a change of rights is a change of the mailbox, for whoever follows the log', async () => {
  const box = await openTestAccount()
  const before = await box.db.read((tx) => tx.sequence(account))
  await change(box, fred, 'set', 'lr')
  assert.equal(await box.db.read((tx) => tx.sequence(account)), before + 1)
  const mailbox = (await box.db.read((tx) => listMailboxes(tx, account))).find(({ id }) => id === archive)
  assert.deepEqual(mailbox?.grants, [grant(fred, 'lr')])
})
