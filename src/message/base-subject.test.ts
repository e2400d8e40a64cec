import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { baseSubject, readSubject } from './base-subject.ts'

test('the procedure of RFC 5256 §2.1', () => {
  const examples: Record<string, string> = {
    Hello: 'Hello',
    'Re: Hello': 'Hello',
    'RE : Hello': 'Hello',
    'Fwd: Re: fw: Hello': 'Hello',
    'Re[2]: Hello': 'Hello',
    'Re [a b] : Hello': 'Hello',
    '[list] Re: Hello': 'Hello',
    '[a] [b] Hello': 'Hello',
    '[only a blob]': '[only a blob]',
    'Re: [only a blob]': '[only a blob]',
    'Hello (fwd)': 'Hello',
    'Hello (fwd) (FWD)  ': 'Hello',
    '[Fwd: Hello]': 'Hello',
    'Re: [Fwd: [list] Re: Hello (fwd)] (fwd)': 'Hello',
    '[Fwd: Hello': '[Fwd: Hello',
    'Hello\t  world': 'Hello world',
    'Reply: Hello': 'Reply: Hello',
    'Re:': '',
    '': '',
    '(fwd)': '',
    'Re: [nested [blob] x': '[nested [blob] x',
  }
  for (const [subject, base] of Object.entries(examples)) assert.equal(baseSubject(subject), base, subject)
})

test('what is a reply or a forward (RFC 5256 §3)', () => {
  for (const subject of ['re: x', 'FW: x', '[a] Fwd[b]: x', 'x (fwd)', '[fwd: x]', '[a] [fwd: x]'])
    assert.equal(readSubject(subject).isReply, true, subject)
  for (const subject of ['x', '', ' [a]  x ', 'Reply: x', 're x', '[fwd: x', '(fwd) x'])
    assert.equal(readSubject(subject).isReply, false, subject)
})

test('a base subject has no leader and no trailer left', () => {
  const piece = fc.constantFrom('re', 'fwd', 'fw', ':', '[', ']', '[fwd:', '(fwd)', ' ', 'a', '\t')
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const base = baseSubject(pieces.join(''))
      assert.equal(baseSubject(base), base)
      assert.equal(base.trim(), base)
    }),
    { numRuns: 1000 },
  )
})

test('hostile subjects end soon', () => {
  for (const unit of ['[a]', '[', 're:', '[fwd:', '(fwd)', ' ']) {
    assert.ok(baseSubject(unit.repeat(20_000)).length <= 1024)
  }
})
