/**
 * Two workers at the mail of one account at once: each test has another worker come between what is read here and the
 * commit of what follows from it.
 *
 * Faults that turn one of them red each, planted by hand and seen: in `submission/identity.ts` the addresses are not read again in
 * the commit; in `purge.ts` the counters are deleted with the rest; in `search/indexer.ts` the write names no account; in
 * `annotation.ts` there is no look at the mark of the server, or no mark; in `past-groups.ts` or
 * `share-notification.ts` the counters are not looked at.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountDefaults, accountRowTable } from '#account/tables.ts'
import { isFault } from '#base/fault.ts'
import { blobLinkTable, ownerKinds } from '#kv/blob-rows.ts'
import type { KvDb } from '#kv/db.ts'
import { accountPrefix } from '#kv/table.ts'
import { anyRowTable } from '#kv/check.ts'
import { manifestTable } from '#search/manifest.ts'
import { OtherWorker } from '../../test/harness/other-worker.ts'
import { readAnnotations, writeAnnotations } from './annotation.ts'
import { createIdentity, followAddresses, listIdentities } from './submission/identity.ts'
import { openIndexed } from './search/indexed-account.test.ts'
import { ingest } from './ingest.ts'
import { noLimits } from './limits.ts'
import { noteGroups } from './past-groups.ts'
import { purgeAccount } from './purge.ts'
import { allRights, noRights } from './rights.ts'
import { notifyOfGrants } from './share-notification.ts'
import { account, createdAt, inbox, mail, openTestAccount } from './test-account.ts'

const { signal } = new AbortController()

test('an address that is exchanged while identities follow the addresses keeps the identity that it has', async (t) => {
  const { db, engine } = await openTestAccount()
  const row = (alias: string) => ({
    ...accountDefaults,
    name: 'fred@example.org',
    emailAddress: 'fred@example.org',
    aliases: [{ address: alias, enabled: true, description: '' }],
  })
  const plain = { name: '', replyTo: null, bcc: null, textSignature: 'mine', htmlSignature: '' }
  await db.write([account], async (tx) => tx.put(accountRowTable, [account], row('info@example.org')))
  new OtherWorker(t, { db, engine }).comesBetween((there) =>
    there.write([account], async (tx) => {
      tx.put(accountRowTable, [account], row('sales@example.org'))
      for (const email of ['fred@example.org', 'sales@example.org'])
        await createIdentity(tx, account, { ...plain, email, isGiven: true })
    }),
  )
  await followAddresses(db, account, async () => true)
  const found = await db.read((tx) => listIdentities(tx, account))
  assert.deepEqual(
    found.map(({ email, textSignature }) => [email, textSignature]),
    [
      ['fred@example.org', 'mine'],
      ['sales@example.org', 'mine'],
    ],
  )
})

test('an account that is deleted leaves nothing behind of messages that come while its mail is removed', async (t) => {
  for (let later = 0; later < 12; later++) {
    const box = await openTestAccount()
    await box.append(mail('Subject: first'))
    const message = await box.prepare(mail('Subject: late'))
    const late = { mailbox: inbox, keywords: [], savedAt: createdAt, limits: noLimits }
    new OtherWorker(t, box).comesBetween(
      (there) =>
        there
          .write([account], (tx) => ingest(tx, account, message, late))
          .catch((error) => assert.ok(isFault(error, 'notFound'))),
      later,
    )
    await purgeAccount(box.db, account, signal)
    await box.db.read(async (tx) => {
      assert.deepEqual(await tx.list(blobLinkTable, []), [], `after ${later}`)
      assert.deepEqual(await tx.list(anyRowTable, [accountPrefix(account)]), [], `after ${later}`)
    })
  }
})

test('of an account that is deleted nothing is noted, neither what it sees nor what is shared with it', async (t) => {
  const writes = [
    (db: KvDb) => noteGroups(db, { account, groups: [9 as typeof account] }),
    (db: KvDb) =>
      db.write([account], (tx) =>
        notifyOfGrants(
          tx,
          { owner: 9 as typeof account, id: inbox, name: 'theirs' },
          { before: [], after: [{ grantee: account, granted: allRights, denied: noRights }] },
          {
            by: { account: 9 as typeof account, name: 'bob', email: null },
            at: createdAt,
            told: [{ account, groups: [] }],
          },
        ),
      ),
  ]
  for (const write of writes) {
    const box = await openTestAccount()
    new OtherWorker(t, box).comesBetween((there) => purgeAccount(there, account, signal))
    await write(box.db)
    assert.deepEqual(await box.db.read((tx) => tx.list(anyRowTable, [accountPrefix(account)])), [])
  }
})

test('an account that is deleted while it is indexed has no index', async (t) => {
  const box = await openIndexed()
  await box.append(mail('Subject: indexed'))
  new OtherWorker(t, box).comesBetween((there) => purgeAccount(there, account, signal))
  box.indexer.look(account)
  await box.indexer.settled()
  await box.db.read(async (tx) => {
    assert.deepEqual(await tx.list(manifestTable, []), [])
    const links = await tx.list(blobLinkTable, [])
    assert.deepEqual(
      links.filter(([[, , kind]]) => kind === ownerKinds.search),
      [],
    )
  })
})

test('RFC 5464 §4.1: the server has no more shared annotations than it may', async (t) => {
  const { db, engine } = await openTestAccount()
  const at = { reader: account, place: undefined }
  const limits = { entries: 1, valueBytes: 10, totalBytes: 100 }
  const write = (there: typeof db, name: string): Promise<void> =>
    there.write([account], (tx) => writeAnnotations(tx, at, new Map([[name, Buffer.from('x')]]), limits))
  const other = new OtherWorker(t, { db, engine })
  // Also the account of who writes would be a conflict.
  other.comesBetween((there) =>
    there.write([8 as typeof account], (tx) =>
      writeAnnotations(
        tx,
        { ...at, reader: 8 as typeof account },
        new Map([['/shared/a', Buffer.from('x')]]),
        limits,
      ),
    ),
  )
  await assert.rejects(write(db, '/shared/b'), (error) => isFault(error, 'overQuota'))
  const found = await db.read((tx) => readAnnotations(tx, at, ['/shared'], 'infinity'))
  assert.deepEqual([...found.keys()], ['/shared/a'])
})
