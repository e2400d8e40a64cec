/** What is tried with every peer. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { alice, carol, Exchange, ours, theirs } from './exchange.ts'
import { type Letter, letter, type Way } from './letters.ts'
import type { Peer } from './peers/peer.ts'
import { needs } from './program.ts'
import { readReport, type Report } from './report.ts'

/** Letters each way; by itself all contents, with four envelopes each. */
const count = Number(process.env['POSTERN_EXCHANGE'] ?? 52)

/** `more`: tests of one peer only, in the same exchange. */
export function testExchange(peer: Peer, more: (exchange: () => Exchange) => void = () => {}): void {
  describe(peer.name, needs(peer.program, 'python3'), () => {
    let exchange: Exchange
    before(async () => {
      exchange = await Exchange.start(peer)
    })
    after(() => exchange[Symbol.asyncDispose]())

    test(`${count} letters to it, by TLS, byte for byte, each once`, async () => {
      const way = { from: ours, to: theirs, lacks: peer.lacks }
      const letters = lettersOf(way)
      for (const one of letters) await exchange.send(one)
      const got = await exchange.receivedByPeer(copiesOf(letters))
      compare(letters, got, { recipientField: peer.recipientField, byTls: peer.receivedByTls })
    })

    test(`${count} letters from it, by TLS, byte for byte, each once`, async () => {
      const way = { from: theirs, to: ours, lacks: peer.lacks }
      const letters = lettersOf(way)
      for (const one of letters) await exchange.sendFromPeer(one)
      const got = await exchange.received(alice, copiesOf(letters))
      const byTls = /by mail\.example\.org with\s+(?:UTF8SMTP|ESMTP)S\s+\(TLSv1\.3 /
      compare(letters, got, { recipientField: 'Delivered-To', byTls })
    })

    test('what it refuses comes back in a report, to a mailbox here and to one of its own', async () => {
      const original = aboutNobody(theirs)
      await exchange.send({ ...original, from: carol })
      await exchange.send({ ...original, from: `dora@${theirs}` })
      const [here = assert.fail()] = await exchange.received(carol, 1)
      const [there = assert.fail()] = await exchange.receivedByPeer(1)
      for (const [report, to] of [
        [await readReport(here), carol],
        [await readReport(there), `dora@${theirs}`],
      ] as const) {
        const { message, recipients, text, ...about } = report
        assert.deepEqual(about, {
          type: 'multipart/report',
          reportType: 'delivery-status',
          parts: ['text/plain', 'message/delivery-status', 'message/rfc822'],
          from: 'Mail Delivery System <MAILER-DAEMON@mail.example.org>',
          to,
          autoSubmitted: 'auto-replied',
          original: original.messageId,
          defects: [],
        })
        assert.match(text, /nobody@peer\.example/)
        const { 'arrival-date': arrived, ...ofMessage } = message
        assert.deepEqual(ofMessage, {
          'original-envelope-id': 'E+1',
          'reporting-mta': 'dns; mail.example.org',
        })
        assert.ok(Date.parse(arrived!) > 0)
        const [{ 'last-attempt-date': tried, 'diagnostic-code': said, ...ofRecipient } = {}] = recipients
        assert.deepEqual(ofRecipient, {
          'original-recipient': 'rfc822; first+one@elsewhere.example',
          'final-recipient': `rfc822; nobody@${theirs}`,
          action: 'failed',
          status: peer.refusal.status,
          'remote-mta': 'dns; mx.peer.example',
        })
        assert.ok(Date.parse(tried!) > 0)
        assert.match(said!, peer.refusal.said)
      }
    })

    test('its own reports come: of what it delivered for us, and of what we refused', async () => {
      const original = aboutNobody(ours)
      await exchange.send({ ...original, from: carol, to: [`dora@${theirs}`] })
      await exchange.sendFromPeer({ ...original, from: carol })
      const messages = await exchange.received(carol, 2)
      const reports = new Map<string | undefined, Report>()
      for (const message of messages) {
        assert.match(message.toString('latin1'), /^Return-Path: <>\r\n/)
        const report = await readReport(message)
        reports.set(report.recipients[0]?.['action'], report)
      }
      const { message, recipients } = reports.get('delivered') ?? assert.fail()
      assert.deepEqual(
        [message['original-envelope-id'], recipients[0]?.['original-recipient']],
        [peer.reports.envelopeId, peer.reports.originalRecipient],
      )
      assert.match(reports.get('failed')?.text ?? '', /No such user\s+here/)
    })

    more(() => exchange)
  })
}

/** With all that DSN (RFC 3461) lets a sender ask for. */
const aboutNobody = (domain: string): Letter => ({
  ...letter(0, { from: ours, to: domain, lacks: [] }),
  to: [`nobody@${domain}`],
  mailParameters: ' RET=FULL ENVID=E+2B1',
  rcptParameters: ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first+2Bone@elsewhere.example',
})

const lettersOf = (way: Way): readonly Letter[] => Array.from({ length: count }, (_, n) => letter(n, way))

const copiesOf = (letters: readonly Letter[]): number => letters.reduce((sum, { to }) => sum + to.length, 0)

/** Each letter is there once for each of its recipients, and what is in front of it says how it came. */
function compare(
  letters: readonly Letter[],
  got: readonly Buffer[],
  o: { readonly recipientField: string; readonly byTls: RegExp },
): void {
  const copies = new Map(got.map((one) => [copyOf(one, o.recipientField), one]))
  assert.deepEqual([got.length, copies.size], [copiesOf(letters), got.length])
  for (const { messageId, from, to, bytes } of letters) {
    for (const recipient of to) {
      const one = copies.get(`${messageId} ${recipient}`)
      if (one === undefined)
        assert.fail(`${messageId} for ${recipient} is not among ${[...copies.keys()].join(' ')}`)
      const start = one.length - bytes.length
      const shown = `${messageId}\n${one.toString('latin1').slice(0, 3000)}`
      assert.ok(one.subarray(start).equals(bytes), shown)
      const trace = one.toString('utf8', 0, start)
      assert.match(trace, o.byTls)
      // OpenSMTPD writes none for the null reverse-path.
      assert.equal(fieldOf(trace, 'Return-Path') ?? '<>', `<${from}>`)
    }
  }
}

function copyOf(message: Buffer, recipientField: string): string {
  const header = message.toString('utf8', 0, message.indexOf('\r\n\r\n'))
  return `${fieldOf(header, 'Message-ID')} ${fieldOf(header, recipientField)}`
}

const fieldOf = (header: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)\r$`, 'im').exec(`${header}\r`)?.[1]
