import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DkimCheck } from '#mailauth/dkim-check.ts'
import type { DmarcCheck } from '#mailauth/dmarc.ts'
import { aggregateRecord } from './aggregate-record.ts'
import { checked, makeReports } from './fixture.test.ts'

const message = await checked(makeReports().resolver, 'anna@sender.example')

/** The signatures in the record of a message that has these, each with how it aligns. */
function signatures(
  given: readonly (Pick<DkimCheck, 'domain' | 'selector' | 'result'> & { as?: 'strict' | 'relaxed' })[],
): readonly string[] {
  const dmarc: DmarcCheck = { ...message.verdict.dmarc!, dkim: given.map(({ as }) => as ?? 'none') }
  const verdict = { ...message.verdict, dkim: given as unknown as readonly DkimCheck[], dmarc }
  const { dkimResults } = aggregateRecord({ ...message, verdict }, dmarc)
  return dkimResults.map(({ domain, selector, result }) => `${selector} of ${domain}: ${result}`)
}

test('RFC 9990 §3.1.3: signatures that align strictly come first, then relaxed, passed, and others', () => {
  const pass = { selector: 's', result: 'pass' } as const
  assert.deepEqual(
    signatures([
      { domain: 'failed.example', selector: 'f', result: 'fail' },
      { domain: 'other.example', ...pass },
      { domain: 'mail.sender.example', ...pass, as: 'relaxed' },
      { domain: 'sender.example', ...pass, as: 'strict' },
    ]),
    [
      's of sender.example: pass',
      's of mail.sender.example: pass',
      's of other.example: pass',
      'f of failed.example: fail',
    ],
  )
})

test('a signature that names no domain is not told of', () => {
  const named = { domain: 'sender.example', selector: 's', result: 'pass' } as const
  assert.deepEqual(signatures([{ domain: '', selector: '', result: 'neutral' }, named]), [
    's of sender.example: pass',
  ])
})

test('what a sender chose is bounded: 20 signatures, names of 255 characters', () => {
  const many = Array.from({ length: 21 }, (_, i) => ({
    domain: `${'d'.repeat(300)}${i}`,
    selector: 's'.repeat(300),
    result: 'fail' as const,
  }))
  const told = signatures(many)
  assert.equal(told.length, 20)
  assert.equal(told[0], `${'s'.repeat(255)} of ${'d'.repeat(255)}: fail`)
})
