import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId, MessageId, Modseq } from '#base/id.ts'
import { entriesSince, expungedSince } from '#kv/change-log.ts'
import { messageTable } from '#mail/tables.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const junk = 4 as MailboxId

/**
 * What a filter that learns from what people do sees after a change: messages that came into Junk, and how many
 * have left it.
 */
async function seen(server: ImapTestServer, from: Modseq) {
  return server.db.read(async (tx) => {
    const entries = await entriesSince(tx, account, from, 100)
    assert.ok(entries !== 'tooOld')
    const changed = new Set(entries.flatMap(([, entry]) => [...(entry.get('Email')?.keys() ?? [])]))
    const came: number[] = []
    for (const id of changed) {
      const row = await tx.get(messageTable, account, id as MessageId)
      if (row?.entries.some(({ mailbox, modseq }) => mailbox === junk && modseq > from) === true)
        came.push(id)
    }
    const left = await expungedSince(tx, account, junk, from)
    return { came, changed: [...changed], left: left.length, to: await tx.sequence(account) }
  })
}

test('whatever way a message goes into Junk or out of it, the change log shows it', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  let { to } = await seen(server, 0 as Modseq)
  const step = async () => {
    const found = await seen(server, to)
    to = found.to
    return found
  }
  await ask(client, 'a1 MOVE 1 Junk')
  assert.deepEqual((await step()).came, [1])
  await ask(client, 'a2 COPY 1 Junk')
  await ask(client, 'a3 STORE 1 +FLAGS (\\Deleted)')
  await ask(client, 'a4 EXPUNGE')
  assert.deepEqual((await step()).came, [2])
  await ask(client, 'a5 STORE 1 +FLAGS ($Junk)')
  assert.deepEqual((await step()).changed, [3])
  await ask(client, 'a6 SELECT Junk')
  await ask(client, 'a7 MOVE 1 INBOX')
  const out = await step()
  assert.deepEqual({ ...out, to: 0 }, { came: [], changed: [1], left: 1, to: 0 })
})
