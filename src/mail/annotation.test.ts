import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import {
  type Annotated,
  type AnnotationLimits,
  copyAnnotations,
  type Depth,
  readAnnotations,
  writeAnnotations,
} from './annotation.ts'
import { createMailbox, deleteMailbox, provisionAccount } from './mailbox.ts'
import { purgeAccount } from './purge.ts'
import { privateAnnotationTable, sharedAnnotationTable } from './tables.ts'
import { account, archive, createdAt, inbox, openTestAccount, type TestAccount } from './test-account.ts'

const guest = 8 as AccountId
const limits: AnnotationLimits = { entries: 3, valueBytes: 10, totalBytes: 100 }
const ofInbox: Annotated = { reader: account, place: { account, mailbox: inbox } }
const asGuest: Annotated = { ...ofInbox, reader: guest }
const ofServer: Annotated = { reader: account, place: undefined }

type Changes = Readonly<Record<string, string | undefined>>

const write = (box: TestAccount, at: Annotated, changes: Changes, o = limits): Promise<void> => {
  const values = Object.entries(changes).map(
    ([name, value]) => [name, value === undefined ? undefined : Buffer.from(value)] as const,
  )
  return box.db.write([account, guest], (tx) => writeAnnotations(tx, at, new Map(values), o))
}

async function read(box: TestAccount, at: Annotated, names: readonly string[], depth: Depth = 0) {
  const found = await box.db.read((tx) => readAnnotations(tx, at, names, depth))
  return Object.fromEntries([...found].map(([name, value]) => [name, Buffer.from(value).toString()]))
}

const everything = (box: TestAccount, at: Annotated) => read(box, at, ['/private', '/shared'], 'infinity')

async function withGuest(): Promise<TestAccount> {
  const box = await openTestAccount()
  await box.db.write([guest], (tx) => provisionAccount(tx, guest, createdAt))
  return box
}

test('shared values are everybody’s, private ones their author’s', async () => {
  const box = await withGuest()
  await write(box, ofInbox, { '/shared/comment': 'ours', '/private/comment': 'mine' })
  await write(box, asGuest, { '/private/comment': 'hers' })
  assert.deepEqual(await everything(box, ofInbox), { '/shared/comment': 'ours', '/private/comment': 'mine' })
  assert.deepEqual(await everything(box, asGuest), { '/shared/comment': 'ours', '/private/comment': 'hers' })
  await write(box, asGuest, { '/shared/comment': 'changed', '/private/comment': undefined })
  assert.deepEqual(await everything(box, ofInbox), {
    '/shared/comment': 'changed',
    '/private/comment': 'mine',
  })
  assert.deepEqual(await everything(box, ofServer), {})
})

test('the server has its own', async () => {
  const box = await withGuest()
  await write(box, ofServer, { '/shared/comment': 'all', '/private/vendor/x/y': '' })
  assert.deepEqual(await everything(box, ofServer), { '/shared/comment': 'all', '/private/vendor/x/y': '' })
  assert.deepEqual(await everything(box, { ...ofServer, reader: guest }), { '/shared/comment': 'all' })
})

test('the depth says how far below a name is read', async () => {
  const box = await openTestAccount()
  const names = ['/private/a', '/private/a/b', '/private/a/b/c', '/private/ab', '/shared/a']
  await write(box, ofInbox, Object.fromEntries(names.map((name) => [name, ''])), { ...limits, entries: 10 })
  const at = async (name: string, depth: Depth): Promise<string[]> =>
    Object.keys(await read(box, ofInbox, [name], depth))
  assert.deepEqual(await at('/private/a', 0), ['/private/a'])
  assert.deepEqual(await at('/private/a', 1), ['/private/a', '/private/a/b'])
  assert.deepEqual(await at('/private/a', 'infinity'), names.slice(0, 3))
  assert.deepEqual(await at('/private/none', 'infinity'), [])
  assert.deepEqual(await at('/private', 1), ['/private/a', '/private/ab'])
})

test('limits: of a value, of their number, of all together; where one does not hold nothing changes', async () => {
  const box = await withGuest()
  const refused = (code: 'tooLarge' | 'overQuota', changes: Changes, o = limits): Promise<void> =>
    assert.rejects(write(box, ofInbox, changes, o), (error) => isFault(error, code))
  await write(box, ofInbox, { '/shared/a': '1', '/shared/b': '2' })
  await refused('tooLarge', { '/shared/a': 'new', '/shared/c': 'x'.repeat(11) })
  await refused('overQuota', { '/shared/a': 'new', '/shared/c': '', '/shared/d': '' })
  assert.deepEqual(await everything(box, ofInbox), { '/shared/a': '1', '/shared/b': '2' })
  // One goes and one comes.
  await write(box, ofInbox, { '/shared/a': undefined, '/shared/c': '', '/shared/d': '' })
  // A lower limit lets change and remove what is there.
  const lower = { ...limits, entries: 1, totalBytes: 1 }
  await write(box, ofInbox, { '/shared/b': '', '/shared/c': undefined }, lower)
  await refused('overQuota', { '/shared/b': 'grows' }, lower)
  await refused('overQuota', { '/private/x': 'y'.repeat(10) }, { ...limits, totalBytes: 30 })
})

test('room that annotations of mailboxes take which are gone is free again', async () => {
  const box = await withGuest()
  const ofArchive: Annotated = { reader: guest, place: { account, mailbox: archive } }
  await write(box, ofArchive, { '/private/a': 'x'.repeat(10) })
  await box.db.write([account], (tx) => deleteMailbox(tx, account, archive))
  const narrow = { ...limits, totalBytes: 25 }
  await write(box, asGuest, { '/private/a': 'x'.repeat(10) }, narrow)
  assert.equal((await box.db.read((tx) => tx.list(privateAnnotationTable, [guest]))).length, 1)
})

test('annotations go with the mailbox and with the account', async () => {
  const box = await withGuest()
  const place = { account, mailbox: archive }
  await write(box, { reader: account, place }, { '/shared/a': '1', '/private/a': '2' })
  await box.db.write([account], (tx) => deleteMailbox(tx, account, archive))
  const left = () =>
    box.db.read(async (tx) => [
      ...(await tx.list(sharedAnnotationTable, [account])),
      ...(await tx.list(privateAnnotationTable, [account])),
    ])
  assert.deepEqual(await left(), [])
  await write(box, ofInbox, { '/shared/a': '1', '/private/a': '2' })
  await purgeAccount(box.db, account, new AbortController().signal)
  assert.deepEqual(await left(), [])
})

test('a copy has the same ones, where there is room for them', async () => {
  const box = await openTestAccount()
  await write(box, ofInbox, { '/shared/a': '1', '/private/a': '2' })
  const copyTo = async (name: string, o: AnnotationLimits) =>
    box.db.write([account], async (tx) => {
      const { id } = await createMailbox(tx, account, { name, parent: 0 })
      await copyAnnotations(tx, { account, mailbox: inbox }, id, o)
      return { reader: account, place: { account, mailbox: id } }
    })
  const same = { '/shared/a': '1', '/private/a': '2' }
  assert.deepEqual(await everything(box, await copyTo('one', limits)), same)
  assert.deepEqual(await everything(box, await copyTo('two', { ...limits, totalBytes: 45 })), {})
  assert.deepEqual(await everything(box, ofInbox), same)
})

test('whatever is written in whatever order, what is read is what was written', async () => {
  const name = fc.constantFrom('/private/a', '/private/a/b', '/shared/a', '/shared/b')
  const value = fc.option(fc.string({ maxLength: 10 }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.dictionary(name, value), { maxLength: 8 }), async (all) => {
      const box = await openTestAccount()
      const model = new Map<string, string>()
      for (const changes of all) {
        await write(box, ofInbox, changes, { entries: 9, valueBytes: 100, totalBytes: 10_000 })
        for (const [key, to] of Object.entries(changes)) {
          if (to === undefined) model.delete(key)
          else model.set(key, to)
        }
      }
      assert.deepEqual(await everything(box, ofInbox), Object.fromEntries(model))
      assert.deepEqual(await read(box, ofInbox, [...model.keys()]), Object.fromEntries(model))
    }),
    { numRuns: 50 },
  )
})
