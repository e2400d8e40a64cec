/** imapfilter sorts the mail of an account by rules in Lua. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../harness/server.ts'
import { signIn } from './imapflow.ts'
import { needs, run } from './program.ts'
import { alice } from './read-by-curl.ts'
import { sample } from './samples.ts'
import { saveCertificate } from './server-certificate.ts'

describe('imapfilter', needs('imapfilter'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    await server.createAccount(alice.name, alice.password)
  })
  after(() => server[Symbol.asyncDispose]())

  test('finds, flags, copies, moves and deletes', async () => {
    await using client = await signIn(server, alice)
    const subjects = ['Rechnung 1', 'Angebot', 'Rechnung 2', 'spam', 'Grüße']
    for (const [at, subject] of subjects.entries())
      await client.append('INBOX', sample({ number: at + 1, subject }), at === 2 ? ['\\Seen'] : [])
    const rules = path.join(server.directory, 'rules.lua')
    writeFileSync(rules, lua(server))
    const certificate = path.join(server.directory, 'certificate.pem')
    await saveCertificate(server.imapsPort, certificate)
    await run('imapfilter', ['-c', rules, '-t', certificate], { environment: { HOME: server.directory } })

    const found: Record<string, readonly string[]> = {}
    for (const name of ['INBOX', 'Rechnungen/2024', 'Ordner für Grüße']) {
      await client.mailboxOpen(name)
      const messages = await client.fetchAll('1:*', { envelope: true, flags: true })
      found[name] = messages.map(({ envelope, flags }) =>
        [envelope!.subject, ...[...flags!].filter((flag) => flag !== '\\Recent').toSorted()].join(' '),
      )
    }
    assert.deepEqual(found, {
      INBOX: ['Angebot \\Flagged wichtig', 'Grüße'],
      'Rechnungen/2024': ['Rechnung 1', 'Rechnung 2 \\Seen'],
      'Ordner für Grüße': ['Grüße'],
    })
    const subscribed = (await client.list()).filter((one) => one.subscribed).map((one) => one.path)
    assert.ok(subscribed.includes('Rechnungen/2024'))
  })
})

const lua = (server: TestServer): string => `
options.timeout = 120
options.hostnames = false
options.create = true
options.subscribe = true
options.charset = 'UTF-8'
account = IMAP {
  server = '127.0.0.1',
  port = ${server.imapsPort},
  username = '${alice.name}',
  password = '${alice.password}',
  ssl = 'auto',
}
local inbox = account['INBOX']
inbox:contain_subject('rechnung'):move_messages(account['Rechnungen/2024'])
inbox:contain_subject('Grüße'):copy_messages(account['Ordner für Grüße'])
local offers = inbox:match_subject('^Angebot$') * inbox:is_unseen() * inbox:is_smaller(10000)
offers:mark_flagged()
offers:add_flags({ 'wichtig' })
inbox:contain_body('message 4'):delete_messages()
`
