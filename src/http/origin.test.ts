import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isForeign } from './origin.ts'

test('RFC 6454 §4, §5: the same origin has the same scheme, host and port', () => {
  const secure: readonly (readonly [string | undefined, string | undefined, boolean])[] = [
    ['https://mail.example.org', 'mail.example.org', false],
    ['https://mail.example.org', 'MAIL.example.org', false],
    ['https://mail.example.org:8443', 'mail.example.org:8443', false],
    // A program names none.
    [undefined, 'mail.example.org', false],
    ['https://evil.example', 'mail.example.org', true],
    ['https://mail.example.org.evil.example', 'mail.example.org', true],
    ['https://mail.example.org:8444', 'mail.example.org:8443', true],
    ['https://mail.example.org:8443', 'mail.example.org', true],
    // Whoever is on the way can make this page; a browser lets it open a WebSocket with the password that it remembers.
    ['http://mail.example.org', 'mail.example.org', true],
    ['https://mail.example.org', undefined, true],
    // RFC 6454 §7.1: of a page that is nobody's.
    ['null', 'mail.example.org', true],
    ['', 'mail.example.org', true],
  ]
  for (const [origin, host, expected] of secure)
    assert.equal(isForeign(origin, host, true), expected, `${origin} at ${host}`)
})

test('behind a program on this machine that ends TLS, the page may have it', () => {
  for (const origin of ['http://localhost:8080', 'https://localhost:8080'])
    assert.equal(isForeign(origin, 'localhost:8080', false), false, origin)
  assert.equal(isForeign('http://localhost:8081', 'localhost:8080', false), true)
})
