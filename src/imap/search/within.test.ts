import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createdAt } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const day = 86_400

test('[WITHIN] OLDER and YOUNGER count seconds back from now (RFC 5032 §2)', async () => {
  await using server = await ImapTestServer.start()
  const now = createdAt + 60_000
  const ages = [7 * day, 3 * day, 3 * day - 1, 3 * day + 1, 10]
  for (const age of ages) {
    // Both are exact to a second, whatever fractions the clock has.
    await server.deliver('Subject: x\n\nx\n', { receivedAt: now - age * 1000 + 400 })
  }
  await server.deliver('Subject: x\n\nx\n', { receivedAt: now, keywords: ['$seen'] })
  const client = await server.selected()
  await ask(client, `a1 SEARCH UNSEEN YOUNGER ${3 * day}`, ['* SEARCH 2 3 5', 'a1 OK SEARCH completed'])
  await ask(client, `a2 SEARCH OLDER ${3 * day}`, ['* SEARCH 1 2 4', 'a2 OK SEARCH completed'])
  await ask(client, `a3 UID SEARCH OLDER ${3 * day} YOUNGER ${3 * day}`, [
    '* SEARCH 2',
    'a3 OK UID SEARCH completed',
  ])
  await ask(client, 'a4 SEARCH NOT YOUNGER 10', ['* SEARCH 1 2 3 4', 'a4 OK SEARCH completed'])
  await ask(client, 'a5 SEARCH YOUNGER 4294967295', ['* SEARCH 1 2 3 4 5 6', 'a5 OK SEARCH completed'])
  for (const interval of ['0', '-1', 'x', '']) {
    const lines = await ask(client, `a6 SEARCH YOUNGER ${interval}`)
    assert.match(lines.join(), /^a6 BAD /, interval)
  }
})
