import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import {
  expandDomain,
  expandText,
  type MacroValues,
  parseDomainSpec,
  parseExplanation,
  parseMacroString,
  usesMacro,
} from './spf-macro.ts'

/** RFC 7208 §7.4. */
const v4: MacroValues = {
  s: 'strong-bad@email.example.com',
  l: 'strong-bad',
  o: 'email.example.com',
  d: 'email.example.com',
  i: '192.0.2.3',
  p: 'mx.example.org',
  v: 'in-addr',
  h: 'mx.example.org',
  c: '192.0.2.3',
  r: 'receiver.example.net',
  t: '1397000000',
}
const v6: MacroValues = {
  ...v4,
  i: '2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1',
  v: 'ip6',
  c: '2001:db8::cb01',
}

const expand = (text: string, values = v4) => expandText(parseMacroString(text), values, 1000)

test('the examples of RFC 7208 §7.4', () => {
  const examples: readonly (readonly [string, string])[] = [
    ['%{s}', 'strong-bad@email.example.com'],
    ['%{o}', 'email.example.com'],
    ['%{d}', 'email.example.com'],
    ['%{d4}', 'email.example.com'],
    ['%{d3}', 'email.example.com'],
    ['%{d2}', 'example.com'],
    ['%{d1}', 'com'],
    ['%{dr}', 'com.example.email'],
    ['%{d2r}', 'example.email'],
    ['%{l}', 'strong-bad'],
    ['%{l-}', 'strong.bad'],
    ['%{lr}', 'strong-bad'],
    ['%{lr-}', 'bad.strong'],
    ['%{l1r-}', 'strong'],
    ['%{ir}.%{v}._spf.%{d2}', '3.2.0.192.in-addr._spf.example.com'],
    ['%{lr-}.lp._spf.%{d2}', 'bad.strong.lp._spf.example.com'],
    ['%{lr-}.lp.%{ir}.%{v}._spf.%{d2}', 'bad.strong.lp.3.2.0.192.in-addr._spf.example.com'],
    ['%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}', '3.2.0.192.in-addr.strong.lp._spf.example.com'],
    ['%{d2}.trusted-domains.example.net', 'example.com.trusted-domains.example.net'],
  ]
  for (const [macro, expansion] of examples) {
    assert.equal(expand(macro), expansion)
    assert.equal(expandDomain(parseDomainSpec(macro), v4), expansion)
  }
  assert.equal(
    expand('%{ir}.%{v}._spf.%{d2}', v6),
    '1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com',
  )
})

test('all letters, in both cases; upper case escapes for URLs (RFC 7208 §7.3)', () => {
  for (const [letter, value] of Object.entries(v4)) {
    assert.equal(expand(`%{${letter}}`), value)
    assert.equal(decodeURIComponent(expand(`%{${letter.toUpperCase()}}`)), value)
  }
  const values = { ...v4, l: "a!*'()~-._/é\ud800" }
  assert.equal(expand('%{L}', values), 'a%21%2A%27%28%29~-._%2F%C3%A9%EF%BF%BD')
  // After the value was split.
  assert.equal(expand('%{L/}', values), 'a%21%2A%27%28%29~-._.%C3%A9%EF%BF%BD')
})

test('the short forms (RFC 7208 §7.1)', () => {
  assert.equal(expand('a%%b%_c%-d'), 'a%b c%20d')
})

test('parts may be empty, and delimiters are several (RFC 7208 §7.3)', () => {
  const values = { ...v4, l: '-a+-b=' }
  assert.equal(expand('%{l-+=}', values), '.a..b.')
  assert.equal(expand('%{lr-+=}', values), '.b..a.')
  assert.equal(expand('%{l2-+=}', values), 'b.')
  assert.equal(expand('%{l127-}', values), '.a+.b=')
  assert.equal(expand('%{l99999999999999999999999-}', values), '.a+.b=')
  // "r" is a literal of ABNF, whose case does not matter.
  assert.equal(expand('%{dR}'), 'com.example.email')
  assert.equal(expand('%{r2r}'), 'example.receiver')
})

test('a name that is too long loses labels on the left (RFC 7208 §7.3)', () => {
  const spec = parseDomainSpec('%{l}.example.com')
  const of = (l: string) => expandDomain(spec, { ...v4, l })
  const labels = (length: number) => 'a'.repeat(60).concat('.').repeat(5).slice(-length)
  assert.equal(of(labels(241)).length, 253)
  assert.equal(of(labels(242)), labels(242).slice(labels(242).indexOf('.') + 1) + '.example.com')
  // The cut is at a dot: one label after it fits exactly.
  assert.equal(of(`x.${labels(241)}`), `${labels(241)}.example.com`)
  assert.equal(of('a'.repeat(300)), 'example.com')
  assert.equal(expandDomain(parseDomainSpec('%{l}'), { ...v4, l: 'a'.repeat(300) }), '')
  // A final dot does not count.
  assert.equal(expandDomain(parseDomainSpec('%{l}.example.com.'), { ...v4, l: labels(241) }).length, 253)
})

test('however often a macro is repeated, no more than the result is made', () => {
  const values = { ...v4, s: 'x'.repeat(200) }
  let expanded = 0
  const counting = new Proxy(values, {
    get: (of, letter: keyof MacroValues) => {
      expanded++
      return of[letter]
    },
  })
  const many = '%{s}'.repeat(255)
  assert.equal(expandText(parseExplanation(many), counting, 400).length, 400)
  expandDomain(parseDomainSpec(many), counting)
  assert.ok(expanded <= 4, `${expanded} expanded`)
  // Those that expand to nothing have a bound of their own.
  assert.throws(() => parseDomainSpec(`%{s}${many}`), { name: 'SyntaxFault', offset: many.length })
})

test('syntax errors say where they are (RFC 7208 §7.1, §7.3)', () => {
  const wrong: readonly (readonly [string, number])[] = [
    ['ab%', 2],
    ['%(i)', 0],
    ['a%b', 1],
    ['%{', 0],
    ['%{}', 0],
    ['%{x}', 0],
    ['%{i', 0],
    ['%{i0}', 0],
    ['%{i00r}', 0],
    ['%{ir2}', 0],
    ['%{i:}', 0],
    ['%{i.r}', 0],
    ['a b', 1],
    ['a\tb', 1],
    ['ab\x7f', 2],
    ['ab\xe9', 2],
    ['a\0', 1],
  ]
  for (const [text, offset] of wrong)
    assert.throws(() => parseMacroString(text), { name: 'SyntaxFault', offset }, text)
  assert.doesNotThrow(() => parseExplanation('a b'))
  assert.throws(() => parseExplanation('a\tb'), SyntaxFault)
})

test('a domain ends in a macro or in a label that is no number (RFC 7208 §7.1 domain-end)', () => {
  for (const right of [
    'a.b',
    'a.b.',
    '.com',
    'a..b',
    'a.x--b',
    'a.1b',
    'a.b1',
    'a.1-1',
    'x:y/z.example',
    '%{d}',
    'a%{d}',
    '%{d}.com',
    '1.%{d}',
    'a.%%',
    'a.%_',
    '_spf.example',
  ])
    assert.doesNotThrow(() => parseDomainSpec(right), right)
  for (const wrong of [
    '',
    '.',
    'a',
    'a.',
    'a.1',
    'a.12.',
    'a.-b',
    'a.b-',
    'a.b_c',
    'a..',
    '%{d}com',
    '%{d}.1',
    '%{d}.',
    'a.b:8080',
    'a.%{c}',
    '%{r}.b',
    '%{T}',
  ])
    assert.throws(() => parseDomainSpec(wrong), SyntaxFault, wrong)
})

test('which macros are used', () => {
  const spec = parseDomainSpec('%{S}.a%{d}')
  assert.ok(usesMacro(spec, 'l', 's'))
  assert.ok(!usesMacro(spec, 'l', 'p'))
})

test('any text: a fault or a name that has its length', () => {
  const piece = fc.constantFrom('%', '{', '}', 's', 'l', 'r', '2', '-', '.', 'a', '%{d', '%{l2r-+}', '.com')
  const value = fc.string({ unit: 'binary', maxLength: 80 })
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join('')),
      value,
      (text, l) => {
        try {
          const name = expandDomain(parseDomainSpec(text), { ...v4, l, s: `${l}@example.com` })
          assert.ok(name.length <= 253)
        } catch (error) {
          assert.ok(error instanceof SyntaxFault && error.offset <= text.length)
        }
      },
    ),
  )
})
