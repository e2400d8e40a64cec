import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  dkimRecordName,
  newSelector,
  readSelector,
  readSelectorTemplate,
  splitRecordName,
} from './dkim-selector.ts'

const atMs = Date.UTC(2026, 2, 4, 5, 6)
const of = (template: string, taken: readonly string[] = []): string =>
  newSelector(template, { algorithm: 'rsa-sha256', version: 3, atMs }, (one) => taken.includes(one))

describe('selectors of DKIM keys', () => {
  it('are made of version, algorithm and date', () => {
    assert.equal(of('v{version}-{algorithm}-{date-%Y%m%d}'), 'v3-rsa-20260304')
    assert.equal(of('{algorithm}.{date-%y-%j-%H%M}'), 'rsa.26-063-0506')
    assert.equal(of('Mail'), 'mail')
  })

  it('are another one where the template gives what is there', () => {
    assert.equal(of('{algorithm}', ['rsa']), 'rsa-3')
  })

  it('have templates that are refused unless they always make a selector', () => {
    for (const right of ['v{version}', 's', 'a.b', '{algorithm}-{date-%Y}'])
      assert.equal(readSelectorTemplate(right), right)
    const tooLong = 'x'.repeat(60)
    for (const wrong of [
      '',
      'a_b',
      '-a',
      'a-',
      'a..b',
      '{when}',
      '{date-%q}',
      'a b',
      'ä',
      tooLong,
      'x'.repeat(300),
    ])
      assert.equal(readSelectorTemplate(wrong), undefined, wrong)
  })

  it('of a template that is taken are right, whatever the day and the key', () => {
    const parts = [
      '{version}',
      '{algorithm}',
      '{date-%Y%m%d}',
      '{date-%j-%H%M}',
      '{date-',
      '%y',
      '}',
      '-',
      '.',
      'a',
      'x'.repeat(30),
    ]
    const template = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 3 })), {
      maxLength: 8,
    })
    const day = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) })
    fc.assert(
      fc.property(
        template,
        day,
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.boolean(),
        (all, at, version, isTaken) => {
          const read = readSelectorTemplate(all.join(''))
          if (read === undefined) return
          for (const algorithm of ['rsa-sha256', 'ed25519-sha256'] as const) {
            const made = newSelector(read, { algorithm, version, atMs: at }, () => isTaken)
            assert.equal(readSelector(made), made)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('are found again in the name of their record, whatever they are', () => {
    assert.deepEqual(splitRecordName('s1._domainkey.example.org'), { selector: 's1', domain: 'example.org' })
    assert.equal(splitRecordName('example.org'), undefined)
    assert.equal(splitRecordName('._domainkey.example.org'), undefined)
    fc.assert(
      fc.property(fc.string({ maxLength: 120 }), (text) => {
        const selector = readSelector(text)
        if (selector === undefined) return
        const name = dkimRecordName('example.org', selector)
        assert.deepEqual(splitRecordName(name), { selector, domain: 'example.org' })
      }),
    )
  })
})
