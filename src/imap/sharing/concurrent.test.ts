/**
 * A mailbox is renamed, taken away or deleted while guests have it selected and many commands are on their way.
 * A new name changes nothing for them; where they may read it no more, each is told goodbye, whoever is in IDLE too,
 * and nothing that was asked after its owner had the OK is answered (RFC 4314 §5.1.1, RFC 2180 §3.3). Planted: rights
 * not asked in the selected mailbox.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { Random } from '../../../test/harness/random.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const archive = 6 as MailboxId
const anna = 8 as AccountId
const seeds = process.env['POSTERN_SEED'] === undefined ? [1, 2, 3, 4, 5, 6] : [undefined]
const commands = [
  'NOOP',
  'FETCH 1:* (UID FLAGS)',
  'UID FETCH 1:* BODY[TEXT]',
  'STORE 1 +FLAGS (\\Flagged)',
  'UID SEARCH ALL',
  'UID COPY 1 INBOX',
]
const goodbye = '* BYE The selected mailbox was deleted'

for (const given of seeds) {
  const random = new Random(given)
  test(`guests lose a mailbox in the midst of commands (seed ${random.seed})`, async () => {
    await using server = await ImapTestServer.start()
    await server.add(anna, 'anna@example.org')
    await server.share(archive, anna, 'lrswit')
    await server.fill(5, { mailbox: archive })
    const name = '"Other Users/fred@example.org/Archive"'
    const select = () => server.selected(name, { as: 'anna@example.org' })
    const [idler, ...busy] = await Promise.all([select(), select(), select(), select()])
    const fred = await server.signedIn()
    idler.send('i IDLE')
    await idler.expect('+ idling')

    let tag = 0
    const send = (): void => {
      for (const guest of busy)
        guest.send(...random.some(commands, 1 + random.below(4)).map((line) => `b${++tag} ${line}`))
    }
    send()
    for (let turns = random.below(20); turns > 0; turns--) await Promise.resolve()
    await ask(fred, 'r RENAME Archive Old')
    send()
    for (const guest of busy) await ask(guest, `n${++tag} NOOP`)
    for (const guest of busy) assert.doesNotMatch(guest.transcript, / (NO|BAD|BYE) /)

    send()
    for (let turns = random.below(40); turns > 0; turns--) await Promise.resolve()
    fred.send(
      random.pick(['d SETACL Old anna@example.org l', 'd DELETEACL Old anna@example.org', 'd DELETE Old']),
    )
    await fred.until('d OK')
    for (const guest of busy) guest.send('late FETCH 1:* FLAGS', 'later SEARCH ALL')
    for (const guest of [...busy, idler]) {
      const lines = await guest.until(/^(\* BYE|later) /)
      assert.ok(!lines.some((line) => /^late\S* (OK|NO)/.test(line)), guest.transcript)
      assert.equal(lines.at(-1), goodbye)
      await guest.expectEnd()
    }
  })
}
