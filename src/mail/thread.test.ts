import assert from 'node:assert/strict'
import test from 'node:test'
import type { ThreadId, Uid } from '#base/id.ts'
import { changesSince } from '#kv/change-log.ts'
import { expungeMessages } from './expunge.ts'
import { ingest } from './ingest.ts'
import { noLimits } from './limits.ts'
import { threadKeyTable, threadTable } from './tables.ts'
import { account, inbox, mail, openTestAccount, type TestAccount } from './test-account.ts'
import { threadKeys, threadMessages } from './thread.ts'

const message = (id: string, subject: string, ...refs: string[]): string =>
  mail(
    `Message-ID: <${id}@x>`,
    `Subject: ${subject}`,
    ...(refs.length > 0 ? [`References: ${refs.map((ref) => `<${ref}@x>`).join(' ')}`] : []),
  )

const threadOf = async (box: TestAccount, text: string): Promise<number> => (await box.append(text)).thread

const rowsLeft = (box: TestAccount): Promise<number> =>
  box.db.read(
    async (tx) =>
      (await tx.list(threadTable, [account])).length + (await tx.list(threadKeyTable, [account])).length,
  )

test('a reply joins by References or In-Reply-To', async () => {
  const box = await openTestAccount()
  const first = await threadOf(box, message('a', 'Plan'))
  assert.equal(await threadOf(box, message('b', 'Re: plan', 'a')), first)
  assert.equal(
    await threadOf(box, mail('Message-ID: <c@x>', 'In-Reply-To: <b@x>', 'Subject: [list] RE:  Pl an')),
    first,
  )
  assert.deepEqual(await box.db.read((tx) => threadMessages(tx, account, first as ThreadId)), [1, 2, 3])
})

test('the original may come after its replies', async () => {
  const box = await openTestAccount()
  const reply = await threadOf(box, message('b', 'Re: Plan', 'a'))
  assert.equal(await threadOf(box, message('c', 'Re: Plan', 'a', 'b')), reply)
  assert.equal(await threadOf(box, message('a', 'Plan')), reply)
})

test('another subject begins another thread, and so does a message without identifiers', async () => {
  const box = await openTestAccount()
  const first = await threadOf(box, message('a', 'Plan'))
  const changed = await threadOf(box, message('b', 'Lunch?', 'a'))
  assert.notEqual(changed, first)
  assert.equal(await threadOf(box, message('c', 'Re: Lunch?', 'a', 'b')), changed)
  assert.notEqual(await threadOf(box, mail('Subject: Plan')), first)
  assert.notEqual(await threadOf(box, mail('Subject: Plan')), await threadOf(box, mail('Subject: Plan')))
})

test('a message that links two threads joins the older, and they stay two', async () => {
  const box = await openTestAccount()
  const older = await threadOf(box, message('a', 'Plan'))
  const younger = await threadOf(box, message('b', 'Plan'))
  assert.notEqual(older, younger)
  assert.equal(await threadOf(box, message('c', 'Re: Plan', 'b', 'a')), older)
  assert.equal(await threadOf(box, message('d', 'Re: Plan', 'b')), younger)
})

test('a thread outlives the message that began it, and leaves no rows behind', async () => {
  const box = await openTestAccount()
  const first = await threadOf(box, message('a', 'Plan'))
  await box.append(message('b', 'Re: Plan', 'a'))
  const expunge = (uid: number): Promise<unknown> =>
    box.db.write([account], (tx) => expungeMessages(tx, account, inbox, [uid as Uid], { onlyDeleted: false }))
  await expunge(1)
  assert.equal(await threadOf(box, message('c', 'Re: Plan', 'a')), first)
  const before = await box.db.read((tx) => tx.sequence(account))
  await expunge(2)
  await expunge(3)
  assert.equal(await rowsLeft(box), 0)
  const changes = await box.db.read((tx) => changesSince(tx, account, 'Thread', before, 100))
  assert.deepEqual(changes !== 'tooOld' && changes.destroyed, [first])
  assert.equal(await threadOf(box, message('d', 'Re: Plan', 'a')), 4)
})

test('a thread that is full begins another, which the next replies join', async () => {
  const box = await openTestAccount()
  const first = await threadOf(box, message('root', 'Plan'))
  const message2 = await box.prepare(mail('References: <root@x>', 'Subject: Plan'))
  const threads = await box.db.write([account], async (tx) => {
    const found: number[] = []
    for (let i = 0; i < 501; i++) {
      found.push(
        (await ingest(tx, account, message2, { mailbox: inbox, keywords: [], savedAt: 0, limits: noLimits }))
          .thread,
      )
    }
    return found
  })
  assert.equal(threads.filter((thread) => thread === first).length, 499)
  assert.equal(threads[499], 501)
  assert.equal(threads[500], 501)
})

test('a message has a bounded number of keys, the ends of its References among them', () => {
  const references = Array.from({ length: 200 }, (_, i) => `r${i}@x`)
  const of = (o: { messageIds?: string[]; references?: string[] }): string =>
    Buffer.from(
      threadKeys({ messageIds: [], inReplyTo: [], references: [], baseSubject: 's', ...o }),
    ).toString('hex')
  const keys = of({ messageIds: ['own@x'], references })
  assert.equal(keys.length, 32 * 16)
  for (const id of ['own@x', 'r0@x', 'r199@x', 'r175@x'])
    assert.ok(keys.includes(of({ messageIds: [id] })), id)
  assert.equal(of({}), '')
})
