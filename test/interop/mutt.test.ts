/**
 * mutt, driven by key strokes in a terminal of `script`, and as a program that sends. It tells what it is about
 * only on a screen, so the effects are read by other clients.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../harness/server.ts'
import { deliver } from './deliver.ts'
import { type Mutt, setUpMutt } from './mutt.ts'
import { needs, run } from './program.ts'
import { listMailbox } from './python-script.ts'
import { alice, bob, readMessage, uidsOf, withoutTrace } from './read-by-curl.ts'
import { sample } from './samples.ts'

describe('mutt', needs('mutt', 'script', 'curl', 'python3'), () => {
  let server: TestServer
  let mutt: Mutt

  before(async () => {
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
    mutt = await setUpMutt(server, 'mutt', { folder: server.directory })
  })
  after(() => server[Symbol.asyncDispose]())

  const flagsOf = async (mailbox: string): Promise<readonly (readonly string[])[]> =>
    (await listMailbox(server, alice, mailbox)).map(({ flags }) =>
      flags.filter((flag) => flag !== '\\Recent').toSorted(),
    )

  test('reads a mailbox, flags and deletes', async () => {
    const messages = [1, 2, 3, 4].map((number) => sample({ number, subject: `Grüße ${number}` }))
    await deliver(server.smtpPort, alice.name, messages)
    await mutt.type(
      'INBOX',
      '<first-entry><flag-message><next-entry><display-message><exit><next-entry><delete-message><quit>',
    )
    assert.deepEqual(await flagsOf('INBOX'), [['\\Flagged'], ['\\Seen'], []])
    assert.deepEqual(await uidsOf(server, alice), [1, 2, 4])
  })

  test('copies by the server', async () => {
    await mutt.type('INBOX', `<tag-pattern>~A<enter><tag-prefix><copy-message>=Archive<enter><quit>`)
    assert.deepEqual(await uidsOf(server, alice), [1, 2, 4])
    const copies = await uidsOf(server, alice, 'Archive')
    assert.equal(copies.length, 3)
    for (const [at, uid] of [1, 2, 4].entries()) {
      assert.deepEqual(
        await readMessage(server, alice, copies[at]!, 'Archive'),
        await readMessage(server, alice, uid),
      )
    }
  })

  test('saves to a local mailbox and to a new one on the server', async () => {
    const file = path.join(server.directory, 'saved')
    await mutt.type('Archive', `<first-entry><copy-message>${file}<enter><quit>`)
    const [, ...lines] = readFileSync(file, 'latin1').split('\n')
    const text = lines.filter((line) => !/^(?:X?-?Status|Content-Length|Lines): /.test(line)).join('\r\n')
    const kept = (await readMessage(server, alice, 1)).toString('latin1')
    // An mbox file hides lines that begin with "From ".
    assert.equal(text.replace(/^>From /m, 'From ').trimEnd(), kept.trimEnd())
    await mutt.type('Archive', '<last-entry><save-message>=Neues/2024<enter><quit>')
    assert.equal((await uidsOf(server, alice, 'Archive')).length, 2)
    const [moved, ...more] = await uidsOf(server, alice, 'Neues/2024')
    assert.ok(moved !== undefined && more.length === 0)
    assert.deepEqual(
      withoutTrace(await readMessage(server, alice, moved, 'Neues/2024')),
      sample({ number: 4, subject: 'Grüße 4' }),
    )
  })

  test('finds by the server', async () => {
    await mutt.type('INBOX', '<tag-pattern>=b "message 2"<enter><tag-prefix><set-flag>!<quit>')
    const flagged = (await flagsOf('INBOX')).map((flags) => flags.includes('\\Flagged'))
    assert.deepEqual(flagged, [true, true, false])
  })

  test('sends with an attachment and keeps a copy in Sent', async () => {
    const attachment = path.join(server.directory, 'attached.bin')
    const content = randomBytes(50_000)
    writeFileSync(attachment, content)
    const args = ['-n', '-F', mutt.configuration, '-s', 'Grüße aus mutt', '-a', attachment, '--', bob.name]
    await run('mutt', args, { input: 'Guten Tag\n', environment: mutt.environment })
    const [uid] = await uidsOf(server, bob)
    const arrived = await readMessage(server, bob, uid!)
    const [copy] = await uidsOf(server, alice, 'Sent')
    const kept = await readMessage(server, alice, copy!, 'Sent')
    for (const message of [arrived, kept]) {
      const text = message.toString('latin1')
      assert.match(text, /^Subject: =\?utf-8\?/im)
      const encoded = text.slice(text.indexOf('\r\n\r\n', text.indexOf('attached.bin')))
      assert.deepEqual(Buffer.from(encoded.slice(0, encoded.indexOf('\r\n--')), 'base64'), content)
    }
    const [sent] = await flagsOf('Sent')
    assert.deepEqual(sent, ['\\Seen'])
  })
})
