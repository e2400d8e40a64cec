import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ArcCheck } from './arc-verify.ts'
import { vouchingSealer } from './arc-trust.ts'

const passed = 'i=1; mx.list.example; dmarc=pass header.from=author.example'

/** A good chain of sealers, each with what it found out. */
const chain = (...sealers: readonly (readonly [domain: string, results: string])[]): ArcCheck => ({
  result: 'pass',
  oldestPass: 1,
  sets: sealers.map(([domain, results], i) => ({ instance: i + 1, domain, selector: 's', results })),
})

const trusted = ['list.example', 'relay.example']

test('a trusted forwarder where DMARC passed vouches for the author', () => {
  assert.equal(vouchingSealer(chain(['list.example', passed]), 'author.example', trusted), 'list.example')
  const idn = passed.replace('author.example', 'XN--BCHER-KVA.example')
  assert.equal(vouchingSealer(chain(['list.example', idn]), 'xn--bcher-kva.example', trusted), 'list.example')
})

test('behind another trusted one too, and not behind a stranger, who could have changed everything', () => {
  const relayed = (last: string): ArcCheck =>
    chain(
      ['list.example', passed],
      [last, 'i=2; mx.relay.example; arc=pass; dmarc=fail header.from=author.example'],
    )
  assert.equal(vouchingSealer(relayed('relay.example'), 'author.example', trusted), 'list.example')
  assert.equal(vouchingSealer(relayed('stranger.example'), 'author.example', trusted), undefined)
})

test('nobody vouches by another result, for another author, or by a broken chain', () => {
  const of = (results: string) => vouchingSealer(chain(['list.example', results]), 'author.example', trusted)
  assert.equal(of(passed.replace('pass', 'fail')), undefined)
  assert.equal(of(passed.replace('dmarc', 'dkim')), undefined)
  assert.equal(of(passed.replace('author', 'other')), undefined)
  assert.equal(of(passed.replace('header.from', 'smtp.from')), undefined)
  assert.equal(of('nonsense'), undefined)
  assert.equal(vouchingSealer({ result: 'none' }, 'author.example', trusted), undefined)
  assert.equal(vouchingSealer(chain(['list.example', passed]), 'author.example', []), undefined)
})
