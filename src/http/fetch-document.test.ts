import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import { isLoopbackIp, isPublicIp, parseIp } from '#base/ip.ts'
import { testCertificate, testKey } from '../../test/harness/certificates.ts'
import { DocumentFetcher, type DocumentFetcherOptions } from './fetch-document.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const hosts = (names: Readonly<Record<string, string>>) => async (host: string) =>
  names[host] === undefined ? [] : [names[host]]

const mib = 1 << 20
const never = new AbortController().signal

/** A web server for *.example.com on the loopback, and what was asked of it. */
async function serve(answer: Answer, o: Partial<DocumentFetcherOptions> = {}) {
  const asked: string[] = []
  const server = createServer(
    { cert: testCertificate('server-chain'), key: testKey('server') },
    (request, response) => {
      asked.push(request.url!)
      answer(request, response)
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clock = fixedClock(0)
  const fetcher = new DocumentFetcher({
    addressesOf: hosts({
      'mail.example.com': '127.0.0.1',
      'www.example.com': '127.0.0.1',
      'other.example.net': '127.0.0.1',
      'inside.example.com': '10.0.0.1',
    }),
    clock,
    mayReach: isLoopbackIp,
    ca: testCertificate('root'),
    ...o,
  })
  return {
    asked,
    clock,
    at: (host: string, path = '/') => `https://${host}:${port}${path}`,
    get: (address: string, maxBytes = mib, signal = never) => fetcher.fetch(address, { maxBytes, signal }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString()

describe('documents of strangers', () => {
  test('one that is there, asked for once whoever waits, and again after an hour', async () => {
    await using web = await serve((_request, response) => response.end('hello'))
    const address = web.at('mail.example.com', '/logo.svg')
    const both = await Promise.all([web.get(address), web.get(address)])
    assert.deepEqual(both.map(text), ['hello', 'hello'])
    assert.equal(text(await web.get(address)), 'hello')
    assert.deepEqual(web.asked, ['/logo.svg'])
    web.clock.advance(3_600_001)
    await web.get(address)
    assert.equal(web.asked.length, 2)
  })

  test('one that is not there is not asked for again at once', async () => {
    await using web = await serve((_request, response) => response.writeHead(404).end('no'))
    for (let i = 0; i < 3; i++) assert.equal(await web.get(web.at('mail.example.com')), undefined)
    assert.equal(web.asked.length, 1)
    web.clock.advance(300_001)
    await web.get(web.at('mail.example.com'))
    assert.equal(web.asked.length, 2)
  })

  test('larger ones and endless ones are none, and what is read of them is bounded', async () => {
    let sent = 0
    await using web = await serve((request, response) => {
      if (request.url === '/small') return void response.end('x'.repeat(1000))
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
      }
      response.on('drain', more).on('error', () => undefined)
      more()
    })
    assert.equal((await web.get(web.at('mail.example.com', '/small'), 1000))!.length, 1000)
    assert.equal(await web.get(web.at('mail.example.com', '/small'), 999), undefined)
    assert.equal(await web.get(web.at('mail.example.com', '/endless'), 100_000), undefined)
    assert.ok(sent < 16 * mib, String(sent))
  })

  test('redirections are followed a few times, over HTTPS, and never to where nobody may be sent', async () => {
    await using web = await serve((request, response) => {
      const [, kind, count] = /^\/(\w+)\/?(\d*)$/.exec(request.url!)!
      const to: Readonly<Record<string, string>> = {
        chain: count === '0' ? '' : `/chain/${Number(count) - 1}`,
        host: `https://www.example.com:${(request.socket.address() as AddressInfo).port}/chain/0`,
        plain: 'http://mail.example.com/chain/0',
        inside: 'https://inside.example.com/',
        address: 'https://127.0.0.1/',
        stranger: `https://other.example.net:${(request.socket.address() as AddressInfo).port}/chain/0`,
      }
      if (to[kind!] === '') return void response.end('end')
      response.writeHead(302, { location: to[kind!]! }).end()
    })
    const get = async (path: string) => text(await web.get(web.at('mail.example.com', path)))
    assert.equal(await get('/chain/3'), 'end')
    assert.equal(await get('/chain/4'), undefined)
    assert.equal(await get('/host'), 'end')
    // The last has a certificate for another name.
    for (const kind of ['plain', 'inside', 'address', 'stranger'])
      assert.equal(await get(`/${kind}`), undefined, kind)
  })

  test('nothing is asked of private addresses, other schemes, other ports, or with a password', async () => {
    const answer: Answer = (_request, response) => void response.end('secret')
    await using usual = await serve(answer, { mayReach: isPublicIp })
    for (const address of [usual.at('mail.example.com'), 'https://inside.example.com/'])
      assert.equal(await usual.get(address), undefined, address)
    await using open = await serve(answer)
    for (const address of [
      open.at('mail.example.com').replace('https', 'http'),
      open.at('mail.example.com').replace('https://', 'https://user:secret@'),
      open.at('127.0.0.1'),
      open.at('nowhere.example.com'),
      'file:///etc/passwd',
      'nonsense',
    ])
      assert.equal(await open.get(address), undefined, address)
    assert.deepEqual([...usual.asked, ...open.asked], [])
    const { port } = new URL(open.at('x'))
    let isAsked = false
    const counting = new DocumentFetcher({
      addressesOf: async () => ((isAsked = true), []),
      clock: fixedClock(0),
    })
    const elsewhere = await counting.fetch(`https://a.example:${port}/`, { maxBytes: 1, signal: never })
    assert.equal(elsewhere, undefined)
    assert.ok(!isAsked)
  })

  test('who cannot wait any longer leaves, and a silent server holds up nobody else', async () => {
    await using web = await serve((request, response) => {
      if (request.url === '/good') response.end('good')
    })
    const controller = new AbortController()
    const waiting = web.get(web.at('mail.example.com', '/silent'), mib, controller.signal)
    assert.equal(text(await web.get(web.at('mail.example.com', '/good'))), 'good')
    controller.abort(new Error('too late'))
    await assert.rejects(waiting, /too late/)
  })
})

test('which addresses are public', () => {
  for (const ip of ['8.8.8.8', '2606:4700::1111', '192.0.1.1', '172.32.0.1'])
    assert.ok(isPublicIp(parseIp(ip)!), ip)
  for (const ip of [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '2001:db8::1',
    '64:ff9b::a00:1',
    '::ffff:10.0.0.1',
    '2002:a00:1::1',
  ])
    assert.ok(!isPublicIp(parseIp(ip)!), ip)
})
