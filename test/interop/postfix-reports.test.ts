/**
 * The delivery reports that the server makes, in the hands of Debian's Postfix, which relays mail with DSN
 * parameters through the server as through the submission port of a provider, and takes the reports.
 *
 * Postfix has no program that reads the fields of a report. What can be shown: its MIME parser, told to refuse
 * whatever is not right, finds each part where it is meant to be; in the same cases its own reports (bounce(8))
 * have no field that ours lack, and say the same; and one that it cannot deliver it does not answer.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { alice, Exchange, ours, password, theirs } from './exchange.ts'
import { type Letter, letter } from './letters.ts'
import type { PeerSetup } from './peers/peer.ts'
import { type PostfixAdditions, postfixWith } from './peers/postfix.ts'
import { needs } from './program.ts'
import { readReport, type Report, type ReportFields } from './report.ts'

/** At an address of its own Postfix is a server without DSN, which throws away what it takes. */
const withoutDsn = '127.0.0.2'
/** Nobody is there. */
const nowhere = '127.0.0.9'

const additions = ({ port, next }: PeerSetup, folder: string): PostfixAdditions => ({
  main: `
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:${folder}/passwords
smtp_sasl_security_options = noanonymous
transport_maps = inline:{ own.example=smtp:[${withoutDsn}]:${port}, far.example=smtp:[${nowhere}]:${port} }
virtual_alias_maps = inline:{ lost@${theirs}=nobody@${ours} }
delay_warning_time = 1s
strict_8bitmime_body = yes
strict_mime_encoding_domain = yes
mime_header_checks = regexp:${folder}/parts
nested_header_checks = regexp:${folder}/returned
body_checks = regexp:${folder}/fields
`,
  master: `
${withoutDsn}:${port} inet n - n - - smtpd
  -o smtpd_discard_ehlo_keywords=dsn
  -o smtpd_recipient_restrictions=check_recipient_access,regexp:${folder}/refused,permit
  -o content_filter=discard:
`,
  files: {
    passwords: `[127.0.0.1]:${next} ${alice}:${password}\n`,
    refused: '/^n.+body@/ 550 5.1.1 Nobody of that name\n',
    // What it finds there it logs.
    parts: '/^Content-Type: message/ INFO\n',
    returned: '/^Message-ID:/ INFO\n',
    fields: '/^(Action|Status):/ INFO\n',
  },
})

/** Mail to these goes by the server under test; Postfix sends by itself to own.example and far.example. */
const zones = {
  'old.example': { MX: ['10 mx.old.example'] },
  'mx.old.example': { A: [withoutDsn] },
  'away.example': { MX: ['10 mx.away.example'] },
  'mx.away.example': { A: [nowhere] },
} as const

/** Whom reports go to: who reads them, the same with UTF-8, and one whose mail is refused further on. */
const frank = `frank@${theirs}`
const fränk = `fränk@${theirs}`
const lost = `lost@${theirs}`

const messageIdOf = (name: string): string => `<${name}@${theirs}>`

/** A message with 8 bits; its name is in its Message-ID, the envelope id and the original recipient. */
function asking(name: string, notify: string, ...to: readonly string[]): Letter {
  const { bytes, messageId } = letter(3, { from: theirs, to: ours, lacks: [] })
  return {
    messageId: messageIdOf(name),
    from: frank,
    to,
    mailParameters: ` BODY=8BITMIME RET=FULL ENVID=${name}+2B`,
    rcptParameters: ` NOTIFY=${notify} ORCPT=rfc822;${name}+2B@elsewhere.example`,
    bytes: Buffer.from(bytes.toString('latin1').replace(messageId, messageIdOf(name)), 'latin1'),
  }
}

const withUtf8 = (one: Letter): Letter => ({
  ...one,
  from: fränk,
  mailParameters: `${one.mailParameters} SMTPUTF8`,
  // RFC 6533 §3: an address of the type utf-8 in ASCII.
  rcptParameters: one.rcptParameters.replace(/ORCPT=.*/, 'ORCPT=utf-8;n\\x{F6}body@elsewhere.example'),
})

const whole = ['text/plain', 'message/delivery-status', 'message/rfc822']
const headerOnly = ['text/plain', 'message/delivery-status', 'text/rfc822-headers']

describe('reports for Postfix', needs('postfix', 'libsasl2-modules', 'python3'), () => {
  let exchange: Exchange
  /** By the envelope id. */
  const reports = new Map<string | undefined, Report>()
  const reportOf = (name: string): Report =>
    reports.get(`${name}+`) ?? assert.fail(`no report about ${name}\n${exchange.peer.log}`)

  before(async () => {
    exchange = await Exchange.start(postfixWith(additions), { zones, next: 'submissionPort' })
    for (const one of [
      asking('delivered', 'SUCCESS', alice),
      asking('relayed', 'SUCCESS', 'ok@old.example'),
      asking('failed', 'FAILURE', 'nobody@old.example'),
      asking('mixed', 'SUCCESS,FAILURE', 'ok@old.example', 'nobody@old.example'),
      asking('never', 'NEVER', 'nobody@old.example'),
      withUtf8(asking('utf8', 'FAILURE', 'nöbody@old.example')),
      { ...asking('lost', 'FAILURE', 'nobody@old.example'), from: lost },
      asking('own-delivered', 'SUCCESS', `dora@${theirs}`),
      asking('own-relayed', 'SUCCESS', 'ok@own.example'),
      asking('own-failed', 'FAILURE', 'nobody@own.example'),
      asking('own-delayed', 'DELAY', 'bob@far.example'),
    ])
      await exchange.sendFromPeer(one)
    // By RFC 2852, which Postfix does not pass on, a delay is told at once.
    const delayed = asking('delayed', 'DELAY', 'bob@away.example')
    await exchange.send({ ...delayed, mailParameters: `${delayed.mailParameters} BY=0;N` })
    // Besides what was delivered to Dora.
    for (const message of await exchange.receivedByPeer(10 + 1)) {
      if (!message.includes('multipart/report')) continue
      const report = await readReport(message)
      reports.set(report.message['original-envelope-id'], report)
    }
  })
  after(() => exchange[Symbol.asyncDispose]())

  test('each reaches who sent the message, and says what was asked for', () => {
    const refused = 'smtp; 550 5.1.1 <nobody@old.example>: Recipient address rejected: Nobody of that name'
    const failed = {
      'final-recipient': 'rfc822; nobody@old.example',
      action: 'failed',
      status: '5.1.1',
      'remote-mta': 'dns; mx.old.example',
      'diagnostic-code': refused,
    }
    const relayed = {
      'final-recipient': 'rfc822; ok@old.example',
      action: 'relayed',
      status: '2.0.0',
      'remote-mta': 'dns; mx.old.example',
    }
    const delivered = { 'final-recipient': `rfc822; ${alice}`, action: 'delivered', status: '2.0.0' }
    const delayed = { 'final-recipient': 'rfc822; bob@away.example', action: 'delayed', status: '4.4.7' }
    for (const [name, parts, wanted] of [
      ['delivered', headerOnly, [delivered]],
      ['relayed', headerOnly, [relayed]],
      ['failed', whole, [failed]],
      ['mixed', whole, [failed, relayed]],
      ['delayed', headerOnly, [delayed]],
    ] as const) {
      const report = reportOf(name)
      assert.deepEqual(
        [report.to, report.parts, report.original, report.defects],
        [frank, parts, messageIdOf(name), []],
      )
      const originally = { 'original-recipient': `rfc822; ${name}+@elsewhere.example` }
      assert.deepEqual(
        report.recipients.map(withoutTimes),
        wanted.map((fields) => ({ ...originally, ...fields })),
      )
    }
    assert.equal(reports.has('never+'), false)
  })

  test('with UTF-8 in its addresses it is of the types of RFC 6533', () => {
    const { to, parts, recipients, defects } = reportOf('utf8')
    assert.deepEqual(
      [to, parts, defects],
      [fränk, ['text/plain', 'message/global-delivery-status', 'message/global'], []],
    )
    const [recipient = {}] = recipients
    assert.deepEqual(
      [recipient['original-recipient'], recipient['final-recipient'], recipient['action']],
      ['utf-8; nöbody@elsewhere.example', 'utf-8; nöbody@old.example', 'failed'],
    )
  })

  test('its MIME parser at its strictest finds the parts where they are', () => {
    const found = new Map<string, string[]>()
    const info = /cleanup\[\d+\]: (\w+): info: ((?:header|body) \S+ \S+) from .* from=<> /g
    for (const [, id = '', what = ''] of exchange.peer.log.matchAll(info))
      found.set(id, [...(found.get(id) ?? []), what])
    const status = (type: string, ...recipients: readonly (readonly [string, string])[]) => [
      `header Content-Type: message/${type}`,
      ...recipients.flatMap(([action, code]) => [`body Action: ${action}`, `body Status: ${code}`]),
    ]
    const returned = (type: string, name: string) => [
      `header Content-Type: message/${type}`,
      `header Message-ID: ${messageIdOf(name)}`,
    ]
    const failed = ['failed', '5.1.1'] as const
    const relayed = ['relayed', '2.0.0'] as const
    const wanted = [
      status('delivery-status', ['delivered', '2.0.0']),
      status('delivery-status', relayed),
      status('delivery-status', ['delayed', '4.4.7']),
      [...status('delivery-status', failed), ...returned('rfc822', 'failed')],
      [...status('delivery-status', failed), ...returned('rfc822', 'lost')],
      [...status('delivery-status', failed, relayed), ...returned('rfc822', 'mixed')],
      [...status('global-delivery-status', failed), ...returned('global', 'utf8')],
    ]
    const sorted = (all: Iterable<readonly string[]>) => [...all].map((one) => one.join('\n')).toSorted()
    assert.deepEqual(sorted(found.values()), sorted(wanted))
  })

  test('its own in the same cases have no field that ours lack, and say the same', () => {
    for (const name of ['delivered', 'relayed', 'failed', 'delayed']) {
      const [mine, own] = [reportOf(name), reportOf(`own-${name}`)]
      assert.deepEqual([mine.reportType, mine.parts], [own.reportType, own.parts])
      assert.deepEqual(missing(mine.message, own.message), [], name)
      assert.equal(mine.recipients.length, own.recipients.length)
      const [ofMine = {}, ofOwn = {}] = [mine.recipients[0], own.recipients[0]]
      // RFC 3464 §2.3.6: where nothing went wrong, or nobody said anything, there is no code.
      const withoutCode = name === 'failed' ? [] : ['diagnostic-code']
      assert.deepEqual(missing(ofMine, ofOwn), withoutCode, name)
      // RFC 2852 §4.1.3: that its time is over.
      const status = name === 'delayed' ? '4.4.7' : ofOwn['status']
      assert.deepEqual([ofMine['action'], ofMine['status']], [ofOwn['action'], status])
      const typed = ['original-recipient', 'final-recipient', 'remote-mta', 'diagnostic-code']
      for (const field of typed) {
        if (ofMine[field] === undefined) continue
        assert.equal(typeOf(ofMine[field]), typeOf(ofOwn[field]), `${name}: ${field}`)
      }
    }
  })

  test('one that it cannot deliver it does not answer', async () => {
    const bounced =
      /: (\w+): to=<nobody@example\.org>, orig_to=<lost@peer\.example>.* status=bounced [^]*: \1: removed/
    await exchange.until(1, () => (bounced.test(exchange.peer.log) ? 1 : 0))
    const { log } = exchange.peer
    const [, id] = bounced.exec(log)!
    assert.match(log, new RegExp(`: ${id}: from=<>`))
    assert.doesNotMatch(log, new RegExp(`: ${id}: sender non-delivery notification`))
  })
})

const times = ['last-attempt-date', 'will-retry-until']

const withoutTimes = (fields: ReportFields): ReportFields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !times.includes(name)))

/** Names of what the one has and the other lacks; what is Postfix's own begins with X. */
const missing = (mine: ReportFields, own: ReportFields): readonly string[] =>
  Object.keys(own).filter((name) => !name.startsWith('x-') && !(name in mine))

const typeOf = (value: string | undefined): string | undefined => value?.split(';')[0]
