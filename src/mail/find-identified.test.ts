import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MessageId } from '#base/id.ts'
import { findIdentified } from './find-identified.ts'
import { noRights, rightsOf } from './rights.ts'
import { setGrants } from './share.ts'
import { account, inbox, openTestAccount, type TestAccount } from './test-account.ts'

const me = { account, groups: [] }
const guest = { account: 9 as AccountId, groups: [] }

const find = (
  { db }: TestAccount,
  messageId: string,
  baseSubject: string,
  who = me,
): Promise<MessageId | undefined> =>
  db.read((tx) => findIdentified(tx, account, who, { messageId, baseSubject }))

test('a message is found by identifier and base subject, alone and among its answers', async () => {
  const box = await openTestAccount()
  const first = await box.append('Message-ID: <a@x>\nSubject: Hello World\n\nx\n')
  assert.equal(await find(box, 'a@x', 'Hello World'), first.id)
  const answer = await box.append('Message-ID: <b@x>\nIn-Reply-To: <a@x>\nSubject: Re: hello  world\n\nx\n')
  assert.equal(answer.thread, first.thread)
  assert.equal(await find(box, 'a@x', 'Hello World'), first.id)
  assert.equal(await find(box, 'b@x', 'HELLO WORLD'), answer.id)
  assert.equal(await find(box, 'c@x', 'Hello World'), undefined)
  assert.equal(await find(box, 'a@x', 'Other'), undefined)
})

test('of several that are called so none is found', async () => {
  const box = await openTestAccount()
  for (let i = 0; i < 2; i++) await box.append('Message-ID: <a@x>\nSubject: x\n\nx\n')
  assert.equal(await find(box, 'a@x', 'x'), undefined)
})

test('what only an answer names is not found, nor what one may not read', async () => {
  const box = await openTestAccount()
  await box.append('Message-ID: <b@x>\nReferences: <a@x>\nSubject: x\n\nx\n')
  assert.equal(await find(box, 'a@x', 'x'), undefined)
  const { id } = await box.append('Message-ID: <c@x>\nSubject: y\n\nx\n')
  const share = (letters: string) =>
    box.db.write([account], (tx) =>
      setGrants(
        tx,
        { account, mailbox: inbox },
        [{ grantee: guest.account, granted: rightsOf(letters), denied: noRights }],
        {
          maxShares: 10,
        },
      ),
    )
  await share('l')
  assert.equal(await find(box, 'c@x', 'y', guest), undefined)
  await share('lr')
  assert.equal(await find(box, 'c@x', 'y', guest), id)
})
