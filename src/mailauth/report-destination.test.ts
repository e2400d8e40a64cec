import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DmarcRecords } from './dmarc-tree-walk.ts'
import { checkDestination, type DestinationCheck, type MailDestination } from './report-destination.ts'
import { parseReportUris } from './report-uri.ts'
import type { AuthResolver } from './resolver.ts'

type Zone = { readonly [name: string]: readonly string[] | 'failed' }

async function check(
  zone: Zone,
  policyDomain: string,
  uri: string,
  tag: 'rua' | 'ruf' = 'rua',
): Promise<DestinationCheck> {
  const resolver = {
    resolve(name: string) {
      const texts = zone[name]
      if (texts === 'failed') return Promise.resolve({ kind: 'failed', reason: 'no server answers' })
      if (texts === undefined) return Promise.resolve({ kind: 'noName' })
      const records = texts.map((text) => ({ strings: [Buffer.from(text)] }))
      return Promise.resolve({ kind: 'answer', records, authentic: false })
    },
  } as unknown as AuthResolver
  const [destination] = parseReportUris(uri)
  const records = new DmarcRecords(resolver, new AbortController().signal)
  return checkDestination(policyDomain, tag, destination as MailDestination, records)
}

const allowed = (...addresses: string[]): DestinationCheck => ({ kind: 'allowed', addresses })
const reports = 'mailto:reports@red.example.net'
const name = 'blue.example.com._report._dmarc.red.example.net'

test('the same domain, and another of the same organization', async () => {
  assert.deepEqual(await check({}, 'example.com', 'mailto:a@example.com'), allowed('a@example.com'))
  const zone = { '_dmarc.example.com': ['v=DMARC1; p=none'], '_dmarc.a.example.com': ['v=DMARC1; p=none'] }
  assert.deepEqual(
    await check(zone, 'a.example.com', 'mailto:a@mail.example.com'),
    allowed('a@mail.example.com'),
  )
})

test('another organization has to say so', async () => {
  assert.equal((await check({}, 'blue.example.com', reports)).kind, 'refused')
  assert.equal((await check({ [name]: ['v=spf1 -all'] }, 'blue.example.com', reports)).kind, 'refused')
  for (const text of ['v=DMARC1', 'v=DMARC1;', 'v=DMARC1; rua=nonsense']) {
    assert.deepEqual(
      await check({ [name]: [text] }, 'blue.example.com', reports),
      allowed('reports@red.example.net'),
    )
  }
  const several = { [name]: ['x', 'v=DMARC1', 'v=DMARC1'] }
  assert.deepEqual(await check(several, 'blue.example.com', reports), allowed('reports@red.example.net'))
})

test('it may replace the address, at the same host only', async () => {
  const replaced = { [name]: ['v=DMARC1; rua=mailto:new@red.example.net; ruf=mailto:f@red.example.net'] }
  assert.deepEqual(await check(replaced, 'blue.example.com', reports), allowed('new@red.example.net'))
  assert.deepEqual(await check(replaced, 'blue.example.com', reports, 'ruf'), allowed('f@red.example.net'))
  for (const rua of [
    'mailto:victim@example.org',
    'mailto:a@red.example.net,mailto:a@example.net',
    'https://red.example.net/',
  ]) {
    assert.equal(
      (await check({ [name]: [`v=DMARC1; rua=${rua}`] }, 'blue.example.com', reports)).kind,
      'refused',
      rua,
    )
  }
})

test('without an answer it is not known', async () => {
  for (const failing of [name, '_dmarc.blue.example.com', '_dmarc.net']) {
    assert.equal((await check({ [failing]: 'failed' }, 'blue.example.com', reports)).kind, 'failed', failing)
  }
})

test('a name that would be too long is refused', async () => {
  const long = `${Array.from({ length: 4 }, () => 'x'.repeat(55)).join('.')}.example`
  assert.equal((await check({}, long, reports)).kind, 'refused')
})
