/**
 * Stories of mail to servers that do not simply take it: greylisting, some recipients refused, an address that
 * is not reached, one that never answers, a way that leads back, a name server that never ends, and replies
 * that try to be more than a reply.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startDns, type TestDns } from '../../harness/dns.ts'
import { startServer, type TestServer } from '../../harness/server.ts'
import { OtherServer } from './other-server.ts'
import { bounceOf, password, submit, until } from './user.ts'

const zones = {
  'grey.example': { MX: ['10 mx.grey.example'] },
  'mx.grey.example': { A: ['127.0.0.2'] },
  'part.example': { MX: ['10 mx.part.example'] },
  'mx.part.example': { A: ['127.0.0.3'] },
  'both.example': { MX: ['10 mx.both.example'] },
  'mx.both.example': { AAAA: ['::1'], A: ['127.0.0.2'] },
  'stall.example': { MX: ['10 mx.stall.example'] },
  'mx.stall.example': { A: ['127.0.0.4'] },
  'loop.example': { MX: ['10 mail.example.org'] },
  'mail.example.org': { A: ['127.0.0.1'] },
  'itself.example': { MX: ['10 mx.itself.example'] },
  'mx.itself.example': { A: ['127.0.0.5'] },
  'alias.example': { CNAME: ['other.alias.example'] },
  'other.alias.example': { CNAME: ['grey.example'] },
  'behind.example': { MX: ['10 mx.behind.example'] },
  'mx.behind.example': { CNAME: ['mx2.behind.example'] },
  'mx2.behind.example': { CNAME: ['mx.grey.example'] },
  'circle.example': { CNAME: ['back.circle.example'] },
  'back.circle.example': { CNAME: ['circle.example'] },
  'hidden.example': { MX: ['10 circle.example'] },
  'odd.example': { MX: ['10 mx.odd.example'] },
  'xn--bcher-kva.example': { MX: ['10 mx.odd.example'] },
  'mx.odd.example': { A: ['127.0.0.7'] },
  'rude.example': { MX: ['10 mx.rude.example'] },
  'mx.rude.example': { A: ['127.0.0.6'] },
} as const

const rude = '550 5.7.1 no \x1b[2J\x07\x00 such \x9b31m thing\rSubject: forged'

describe('servers that do not simply take mail', () => {
  const stack = new AsyncDisposableStack()
  let dns: TestDns
  let server: TestServer
  let grey: OtherServer
  let part: OtherServer
  let odd: OtherServer
  const oddSenders: string[] = []
  const oddRecipients: string[] = []

  before(async () => {
    dns = stack.use(await startDns(zones))
    grey = stack.use(
      await OtherServer.start('127.0.0.2', 0, (line, count) =>
        line.startsWith('RCPT TO:<grey') && count === 1 ? '450 4.7.1 Greylisted, come back' : undefined,
      ),
    )
    const { port } = grey
    part = stack.use(
      await OtherServer.start('127.0.0.3', port, (line, count) => {
        if (line.startsWith('RCPT TO:<no')) return '550 5.1.1 not here'
        return line.startsWith('RCPT TO:<later') && count === 1 ? '452 4.2.2 full' : undefined
      }),
    )
    stack.use(await OtherServer.start('127.0.0.4', port, (line) => (line === '' ? { last: '' } : undefined)))
    stack.use(
      await OtherServer.start('127.0.0.5', port, (line) =>
        line.startsWith('EHLO') ? '250 mail.example.org' : undefined,
      ),
    )
    stack.use(
      await OtherServer.start('127.0.0.6', port, (line) => (line.startsWith('RCPT') ? rude : undefined)),
    )
    odd = stack.use(
      await OtherServer.start('127.0.0.7', port, (line) => {
        if (line.startsWith('MAIL')) oddSenders.push(line)
        if (line.startsWith('RCPT')) oddRecipients.push(Buffer.from(line, 'latin1').toString())
        return line.startsWith('EHLO') ? '250-x\r\n250-8BITMIME\r\n250-DELIVERBY\r\n250 SMTPUTF8' : undefined
      }),
    )
    const config = `${dns.config}
[MtaConnectionStrategy]
port = ${port}
[MtaDeliverySchedule.remote]
retry = ["1s"]
`
    server = stack.use(await startServer({ workers: 2, config }))
    await server.createAccount('alice@example.org', password)
  })
  after(() => stack.disposeAsync())

  const arrival = (other: OtherServer, subject: string) =>
    until(server, () => (other.count(subject) > 0 ? true : undefined))

  const delayed = (domain: string) =>
    until(server, () =>
      server.process.output
        .split('\n')
        .find((line) => line.includes('queue.delayed') && line.includes(domain)),
    )

  test('greylisting: it comes back after a moment and is taken, once', async () => {
    await submit(server, ['grey@grey.example'], 'grey')
    await arrival(grey, 'grey')
    await server.process.printed('Greylisted')
    assert.equal(grey.count('grey'), 1)
  })

  test('of several recipients each has its own fate: one now, one later, one never', async () => {
    await submit(server, ['yes@part.example', 'no@part.example', 'later@part.example'], 'part')
    const bounce = await bounceOf(server, 'part')
    assert.match(bounce, /Final-Recipient: rfc822; no@part\.example\r\nAction: failed\r\nStatus: 5\.1\.1/)
    assert.doesNotMatch(bounce, /(?:yes|later)@part\.example\r\nAction/)
    await until(server, () => (part.count('part') === 2 ? true : undefined))
  })

  test('an IPv6 address that refuses is passed over for the IPv4 one', async () => {
    await submit(server, ['bob@both.example'], 'both')
    await arrival(grey, 'both')
    assert.ok(dns.count('mx.both.example', 'AAAA') > 0)
  })

  test('a server that never says a word delays nobody else', async () => {
    await submit(server, ['bob@stall.example', 'bob@grey.example'], 'stall')
    for (let i = 0; i < 20; i++) await submit(server, ['bob@stall.example'], `stall${i}`)
    await submit(server, ['bob@grey.example'], 'behind')
    await arrival(grey, 'stall')
    await arrival(grey, 'behind')
  })

  test('a server that calls itself as this one does is no way to anywhere', async () => {
    await submit(server, ['bob@itself.example'], 'itself')
    assert.match(await bounceOf(server, 'itself'), /Status: 5\.4\.6/)
  })

  test('MX records that lead here for a domain that is not ours are a loop', async () => {
    await submit(server, ['bob@loop.example'], 'loop')
    assert.match(await bounceOf(server, 'loop'), /Status: 5\.4\.6/)
  })

  test('a megabyte of answers, and aliases without end, delay what they are about and nothing else', async () => {
    dns.behave('much.example', 'megabyte')
    dns.behave('endless.example', 'endlessAliases')
    await submit(server, ['bob@much.example', 'bob@endless.example', 'bob@grey.example'], 'names')
    await arrival(grey, 'names')
    assert.match(await delayed('bob@much.example'), /4\.4\.3/)
    assert.match(await delayed('bob@endless.example'), /4\.4\.3/)
    assert.ok(dns.queries.filter(({ name }) => name.endsWith('endless.example')).length < 200)
  })

  test('aliases lead on, of a domain as of its servers; those that go in a circle delay their own mail', async () => {
    const to = ['alias', 'behind', 'circle', 'hidden'].map((name) => `bob@${name}.example`)
    await submit(server, to, 'aliases')
    await until(server, () => (grey.count('aliases') === 2 ? true : undefined))
    assert.match(await delayed('bob@circle.example'), /4\.4\.3/)
    assert.match(await delayed('bob@hidden.example'), /4\.4\.3/)
  })

  test('addresses reach the other server as their sender wrote them', async () => {
    const to = [
      '"john doe"@odd.example',
      String.raw`"a\"b\\c"@odd.example`,
      '">,<"@odd.example',
      '"x@y"@odd.example',
      '" jürgen 陳 "@odd.example',
      'jürgen@odd.example',
      'bob@bücher.example',
    ]
    await submit(server, to, 'quotes', { words: ' SMTPUTF8' })
    await until(server, () => (odd.count('quotes') === 2 ? true : undefined))
    assert.deepEqual(
      oddRecipients.toSorted(),
      to.map((one) => `RCPT TO:<${one.replace('bücher', 'xn--bcher-kva')}>`).toSorted(),
    )
  })

  test('DELIVERBY: the time that is left goes along, and what is to be returned goes nowhere else', async () => {
    await submit(server, ['bob@odd.example', 'bob@grey.example'], 'return', { words: ' BY=900;R' })
    const bounce = await bounceOf(server, 'return')
    assert.match(bounce, /^Deliver-By-Date: /m)
    assert.match(bounce, /Final-Recipient: rfc822; bob@grey\.example\r\nAction: failed\r\nStatus: 5\.3\.3/)
    await arrival(odd, 'return')
    assert.match(oddSenders.at(-1)!, / BY=(?:900|[1-8]\d\d);R$/)
    assert.equal(grey.count('return'), 0)
    await submit(server, ['bob@odd.example'], 'trace', { words: ' BY=-7;NT' })
    await arrival(odd, 'trace')
    assert.match(oddSenders.at(-1)!, / BY=-\d+;NT$/)
  })

  test('what a reply has besides text reaches neither the notification nor the log', async () => {
    await submit(server, ['bob@rude.example'], 'rude')
    const bounce = await bounceOf(server, 'rude')
    assert.match(bounce, /Diagnostic-Code: smtp; 550 5\.7\.1 no/)
    assert.doesNotMatch(bounce, /^Subject: forged/m)
    for (const text of [bounce, server.process.output])
      assert.doesNotMatch(text, /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/)
  })
})
