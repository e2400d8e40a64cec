/**
 * Who vouches for a message, between the server and Debian's Postfix with OpenDKIM and OpenDMARC, by real records
 * in a real name server: what one signs passes at the other, and each refuses who forges the other's mail.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Conversation } from '../harness/conversation.ts'
import { freePorts } from '../harness/free-ports.ts'
import { alice, Exchange, ours, theirs } from './exchange.ts'
import { letter } from './letters.ts'
import { type LocalNames, startLocalNames, txt } from './local-names.ts'
import { signingService, startOpenDkim, startOpenDmarc } from './milters.ts'
import { nameOf } from './peers/peer.ts'
import { postfixWith } from './peers/postfix.ts'
import { needs } from './program.ts'

const dora = `dora@${theirs}`
const selector = 'mail'
const pair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

const records = [
  `${theirs}. MX 10 ${nameOf(theirs)}.`,
  `${nameOf(theirs)}. A 127.0.0.1`,
  `${selector}._domainkey.${theirs}. ${txt(`v=DKIM1; k=rsa; p=${pair.publicKey.toString('base64')}`)}`,
  ...[ours, theirs].flatMap((domain) => [
    `${domain}. ${txt('v=spf1 ip4:127.0.0.1 -all')}`,
    `_dmarc.${domain}. ${txt('v=DMARC1; p=reject')}`,
  ]),
]

describe('OpenDKIM and OpenDMARC', needs('postfix', 'opendkim', 'opendmarc', 'unbound'), () => {
  const stack = new AsyncDisposableStack()
  let exchange: Exchange
  let names: LocalNames
  /** Of Postfix: where users submit, and where others deliver. */
  let submissionPort: number
  let mxPort: number

  before(async () => {
    const free = stack.use(await freePorts(4))
    const [namesPort, dkim, dmarc, submission] = free.ports as [number, number, number, number]
    submissionPort = submission
    names = stack.use(await startLocalNames(namesPort))
    for (const record of records) await names.add(record)
    const setup = { domain: theirs, nameServer: names.address }
    const key = { selector, privateKey: pair.privateKey }
    stack.use(await startOpenDkim({ ...setup, port: dkim }, key))
    stack.use(await startOpenDmarc({ ...setup, port: dmarc }))
    const postfix = postfixWith(({ port }) => {
      mxPort = port
      return {
        main: `smtpd_milters = inet:127.0.0.1:${dkim}, inet:127.0.0.1:${dmarc}\n`,
        master: `127.0.0.1:${submission} inet n - n - - smtpd
  -o smtpd_milters=inet:127.0.0.1:${dkim}
  -o milter_macro_daemon_name=${signingService}
`,
        files: {},
      }
    })
    const config = `${names.config}[SenderAuth]\ndmarcVerify = "strict"\n`
    exchange = stack.use(await Exchange.start(postfix, { config }))
    await publishKeys()
  })
  after(() => stack.disposeAsync())

  /** The keys that the server has made sign as soon as it sees their records. */
  async function publishKeys(): Promise<void> {
    const { server } = exchange
    interface Key {
      readonly name: string
      readonly record: string
      readonly stage: string
    }
    const keys = async (): Promise<readonly Key[]> => {
      const answer = await server.api('GET', `/api/object/DkimSignature?domain=${ours}`)
      return ((await answer.json()) as { data: { items: readonly Key[] } }).data.items
    }
    await exchange.until(2, async () => (await keys()).length)
    for (const { name, record } of await keys()) await names.add(`${name}. ${txt(record)}`)
    await exchange.until(2, async () => {
      await server.api('GET', `/api/dns/records/${ours}?check=true`)
      return (await keys()).filter(({ stage }) => stage === 'active').length
    })
  }

  /** The reply to the message. */
  async function give(port: number, from: string, to: string, message: string): Promise<string> {
    await using smtp = await Conversation.connect(port)
    await smtp.expect('220 ')
    smtp.send('EHLO client.example.net')
    await smtp.until('250 ')
    await smtp.ask(`MAIL FROM:<${from}>`, '250 ')
    await smtp.ask(`RCPT TO:<${to}>`, '250 ')
    await smtp.ask('DATA', '354 ')
    smtp.sendRaw(`${message}.\r\n`)
    return await smtp.line()
  }

  test('what the server signs passes there, by both keys; a copy that was changed is refused', async () => {
    await exchange.send(letter(0, { from: ours, to: theirs, lacks: [] }))
    const [got = assert.fail()] = await exchange.receivedByPeer(1)
    const results = resultsOf(got)
    for (const algorithm of ['ed25519-sha256', 'rsa-sha256'])
      assert.match(
        results,
        new RegExp(` dkim=pass (?:\\(.*?\\) )?header\\.d=${ours} \\S+ header\\.a=${algorithm} `),
      )
    assert.match(results, new RegExp(`; spf=pass smtp\\.mailfrom=${ours}$`, 'm'))
    assert.match(results, new RegExp(`; dmarc=pass \\(p=reject dis=none\\) header\\.from=${ours}$`, 'm'))
    const copy = got.toString('latin1').replace(/^[^]*?(?=\r\nDKIM-Signature: )\r\n/, '')
    assert.match(await give(mxPort, forger, dora, copy), /^250 /)
    assert.match(await give(mxPort, forger, dora, copy.replace('plain', 'plane')), refusedThere)
  })

  test('what it signs passes here; a copy that was changed is refused', async () => {
    assert.match(await give(submissionPort, dora, alice, messageFrom(dora)), /^250 /)
    const [got = assert.fail()] = await exchange.received(alice, 1)
    const results = resultsOf(got)
    assert.match(
      results,
      new RegExp(`; dkim=pass header\\.d=${theirs} header\\.s=${selector} header\\.a=rsa-sha256 `),
    )
    assert.match(results, new RegExp(`; spf=pass smtp\\.mailfrom=${dora};`))
    assert.match(results, new RegExp(`; dmarc=pass header\\.from=${theirs} policy\\.dmarc=reject$`))
    const copy = got.toString('latin1').replace(/^[^]*?(?=\r\nDKIM-Signature: )\r\n/, '')
    const { smtpPort } = exchange.server
    assert.match(await give(smtpPort, forger, alice, copy), /^250 /)
    assert.match(await give(smtpPort, forger, alice, copy.replace('hello', 'hallo')), refusedHere)
  })

  test('who forges is refused by each, and is taken with a name of his own', async () => {
    assert.match(await give(mxPort, forger, dora, messageFrom(alice)), refusedThere)
    assert.match(await give(mxPort, forger, dora, messageFrom(forger)), /^250 /)
    const { smtpPort } = exchange.server
    assert.match(await give(smtpPort, forger, alice, messageFrom(dora)), refusedHere)
    assert.match(await give(smtpPort, forger, alice, messageFrom(forger)), /^250 /)
  })
})

const forger = 'mallory@forger.example'
const refusedThere = new RegExp(`^550 5\\.7\\.1 rejected by DMARC policy for ${ours}$`)
const refusedHere = new RegExp(`^550 5\\.7\\.1 Refused by the DMARC policy of ${theirs}$`)

/** Unfolded. */
const resultsOf = (message: Buffer): string =>
  (/^[^]*?\r\n\r\n/.exec(message.toString('latin1'))?.[0] ?? '')
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .filter((line) => line.startsWith('Authentication-Results: '))
    .join('\n')

const messageFrom = (from: string): string =>
  `From: <${from}>\r\nTo: <somebody@example.net>\r\nDate: Sat, 28 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@${theirs}>\r\nSubject: hi\r\n\r\nhello\r\n`
