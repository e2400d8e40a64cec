import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elsewhere, facts, makeApi } from './fixture.test.ts'

async function page(o: Parameters<typeof makeApi>[0] = {}, client = elsewhere) {
  const { ask } = await makeApi(o)
  const response = await ask('/', { client })
  assert.equal(response.status, 200)
  return { text: await response.text(), response, ask }
}

/** The rows of the table as plain text. */
const rows = (text: string): string[] =>
  [...text.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    row!
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  )

test('the page says how to connect, by the listeners that are there, best first', async () => {
  const { text, response } = await page()
  assert.match(response.headers.get('content-type')!, /^text\/html; charset=UTF-8$/i)
  assert.deepEqual(rows(text), [
    'For Server Port Security',
    'Incoming mail (IMAP) mail.example.org 993 TLS',
    'Incoming mail (IMAP) mail.example.org 143 STARTTLS',
    'Outgoing mail (SMTP) mail.example.org 465 TLS',
    'Outgoing mail (SMTP) mail.example.org 587 STARTTLS',
  ])
  assert.match(text, /self-signed/)
  assert.doesNotMatch(text, /this machine only/)
  assert.doesNotMatch(text, /bin\/postern/, 'strangers are not told how to administer')
})

test('listeners on this machine alone are shown with their address', async () => {
  const local = facts.listeners.map((listener) => ({ ...listener, ip: '127.0.0.1' }))
  const { text } = await page({ facts: { ...facts, listeners: local, selfSigned: false } })
  assert.match(rows(text)[1]!, /127\.0\.0\.1 993 TLS/)
  assert.match(text, /open on this machine only/)
  assert.doesNotMatch(text, /self-signed/)
})

test('without mail services the page still stands', async () => {
  const { text } = await page({ facts: { ...facts, listeners: [] } })
  assert.match(text, /No mail service is open/)
  assert.deepEqual(rows(text), [])
})

test('names are escaped', async () => {
  const { text } = await page({ facts: { ...facts, hostName: '<script>alert(1)</script>' } })
  assert.ok(!text.includes('<script>'))
  assert.ok(text.includes('&lt;script&gt;'))
})

test('it needs nothing from elsewhere, and every link leads somewhere', async () => {
  const { text, ask } = await page()
  const links = [...text.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link]) => link!)
  assert.ok(links.length > 0)
  for (const link of links) {
    if (link.startsWith('data:')) continue
    assert.ok(link.startsWith('/'), link)
    const response = await ask(link.replaceAll('&amp;', '&'), { client: elsewhere })
    assert.equal(response.status, 200, link)
    assert.match(response.headers.get('cache-control')!, /immutable/)
  }
  assert.doesNotMatch(text, /<script| style=|<style/)
})
