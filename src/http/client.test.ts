import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { parseNetwork } from '#base/ip.ts'
import { type Client, clientOf } from './client.ts'

const trusted = ['10.0.0.0/8', '2001:db8::/32', '127.0.0.1'].map((text) => parseNetwork(text)!)

function client(
  remoteAddress: string,
  headers: IncomingHttpHeaders,
  networks = trusted,
  isProxied = false,
): Client {
  const arrival = { peer: { ip: remoteAddress, port: 1 }, secure: false, isProxied }
  return clientOf(headers, arrival, networks)
}

test('without a proxy it is the peer, whatever headers say', () => {
  assert.deepEqual(client('::ffff:192.0.2.1', {}), { ip: '192.0.2.1', secure: false, isLocal: false })
  const liar = client('192.0.2.1', { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' })
  assert.deepEqual(liar, { ip: '192.0.2.1', secure: false, isLocal: false })
})

test('a trusted proxy tells address and scheme', () => {
  const seen = client('10.1.1.1', { 'x-forwarded-for': '198.51.100.7', 'x-forwarded-proto': 'https' })
  assert.deepEqual(seen, { ip: '198.51.100.7', secure: true, isLocal: false })
  assert.equal(client('2001:db8::1', { 'x-forwarded-for': '2001:DB9::7' }).ip, '2001:db9::7')
})

test('of several addresses the first from the right that is no proxy counts', () => {
  const ip = (list: string): string => client('10.1.1.1', { 'x-forwarded-for': list }).ip
  assert.equal(ip('127.0.0.1, 198.51.100.7, 10.2.2.2'), '198.51.100.7')
  assert.equal(ip('203.0.113.9, 198.51.100.7'), '198.51.100.7')
  assert.equal(ip('10.3.3.3, 10.2.2.2'), '10.3.3.3')
  assert.equal(ip('203.0.113.9, unknown, 10.2.2.2'), '10.2.2.2')
  assert.equal(ip('rubbish'), '10.1.1.1')
  assert.equal(ip(''), '10.1.1.1')
})

test('local is only who is on this machine without a proxy in between', () => {
  assert.equal(client('127.0.0.1', {}).isLocal, true)
  assert.equal(client('::1', {}).isLocal, true)
  assert.equal(client('127.0.0.1', { 'x-forwarded-for': '192.0.2.1' }).isLocal, false)
  assert.equal(client('127.0.0.1', { 'x-forwarded-for': '192.0.2.1' }, []).isLocal, false)
  assert.equal(client('127.0.0.1', { forwarded: 'for=192.0.2.1' }, []).isLocal, false)
  assert.equal(client('127.0.0.1', { 'x-forwarded-for': '127.0.0.1' }).isLocal, false)
  // Turns red where only the headers that name a client give a proxy away.
  for (const name of ['via', 'x-real-ip', 'x-forwarded-proto', 'x-forwarded-host'])
    assert.equal(client('127.0.0.1', { [name]: 'x' }, []).isLocal, false, name)
  // Local to the machine of a proxy is not local here.
  assert.equal(client('127.0.0.1', {}, trusted, true).isLocal, false)
})
