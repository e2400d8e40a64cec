import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Uid } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { expungeMessages } from '../expunge.ts'
import { storeFlags } from '../flags.ts'
import { sortMessages } from './sort.ts'
import type { Selection } from './stored-structures.ts'
import { account, inbox, openTestAccount } from '../test-account.ts'
import { threadByReferences } from './thread-by-references.ts'
import { threadBySubject } from './thread-by-subject.ts'
import { AccountViews } from '../view.ts'

test('orders and threads of a mailbox are kept until a message comes or goes', async () => {
  const box = await openTestAccount()
  const views = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  let reads = 0
  const counted: Db = {
    read: (body) => {
      reads++
      return box.db.read(body)
    },
    write: (...args) => box.db.write(...args),
  }
  const selection = async (): Promise<Selection> => {
    const view = (await views.load(inbox))!
    return { db: counted, account, view, indexes: Array.from({ length: view.count }, (_, i) => i) }
  }
  const arranged = async (): Promise<unknown> => {
    reads = 0
    const all = await selection()
    const order = await sortMessages(all, [
      { key: 'subject', isReversed: true },
      { key: 'size', isReversed: false },
    ])
    const references = (await threadByReferences(all, 1000)).roots
    const subjects = (await threadBySubject(all)).roots
    return { order: [...order], references, subjects }
  }
  for (const subject of ['b', 'Re: c', 'a', 'c']) await box.append(`Subject: ${subject}\n\nx\n`)
  const first = { order: [3, 1, 0, 2], references: [0, 2, 3], subjects: [0, 1, 2] }
  assert.deepEqual(await arranged(), first)
  assert.ok(reads > 0)
  assert.deepEqual(await arranged(), first)
  assert.equal(reads, 0)
  await box.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [2 as Uid], { how: 'add', keywords: ['$seen'] }),
  )
  assert.deepEqual(await arranged(), first)
  assert.equal(reads, 0)
  await box.append('Subject: bb\n\nx\n')
  assert.deepEqual(await arranged(), {
    order: [3, 1, 4, 0, 2],
    references: [0, 2, 3, 4],
    subjects: [0, 1, 2, 4],
  })
  await box.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, [4 as Uid], { onlyDeleted: false }),
  )
  assert.deepEqual(await arranged(), {
    order: [1, 3, 0, 2],
    references: [0, 1, 2, 3],
    subjects: [0, 1, 2, 3],
  })
})
