import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bare, headerCriteria, isSingleWord, readTokens, textCriteria } from './text.ts'
import { hasPhrase, PhraseMatcher, phraseWords } from '../search/phrase-match.ts'

const tokens = (text: string): readonly string[] =>
  readTokens(text).map((one) => (one.isPhrase ? `<${one.text}>` : one.text))

test('RFC 8621 §4.4.1: white space divides words, quotes that match make phrases', () => {
  assert.deepEqual(tokens('  two\twords\n'), ['two', 'words'])
  assert.deepEqual(tokens('"a phrase" word \'another one\''), ['<a phrase>', 'word', '<another one>'])
  assert.deepEqual(tokens('"don\'t" don\'t'), ["<don't>", "don't"])
  assert.deepEqual(tokens("'tis the season's end"), ["'tis", 'the', "season's", 'end'])
  assert.deepEqual(tokens("'the season's end' now"), ["<the season's end>", 'now'])
  assert.deepEqual(tokens('"not closed'), ['"not', 'closed'])
  assert.deepEqual(tokens(''), [])
  assert.deepEqual(tokens('""'), ['<>'])
})

test('RFC 8621 §4.4.1: a backslash escapes within a phrase', () => {
  assert.deepEqual(tokens(String.raw`"say \"no\" \\ \'"`), [String.raw`<say "no" \ '>`])
  assert.deepEqual(tokens(String.raw`a\"b`), [String.raw`a\"b`])
})

test('words are looked for in any form, what has other signs in it as it stands', () => {
  assert.deepEqual(textCriteria('subject', '(hello!'), {
    kind: 'fuzzy',
    region: 'subject',
    text: 'hello',
    withoutSlips: true,
  })
  assert.deepEqual(textCriteria('from', 'a@example.org,'), { kind: 'from', text: 'a@example.org' })
  assert.deepEqual(textCriteria('body', '"a b"'), { kind: 'phrase', region: 'body', text: 'a b' })
  assert.deepEqual(textCriteria('body', '"--"'), { kind: 'body', text: '--' })
  assert.deepEqual(textCriteria('subject', '東京都'), { kind: 'subject', text: '東京都' })
  assert.deepEqual(textCriteria('subject', ''), { kind: 'and', of: [] })
  assert.deepEqual(headerCriteria('X-A', ''), { kind: 'header', name: 'X-A', text: '' })
  assert.equal(isSingleWord('naïve'), true)
  assert.equal(bare('...'), '...')
})

test('a phrase is found however its text is cut', () => {
  const text = fc.array(fc.constantFrom('tea', 'for', 'two', 'forty', ' ', ', ', '\n', '-', 'ä'), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(
      text,
      fc.constantFrom('tea for', 'for two', 'two two', 'ä'),
      fc.nat(20),
      (pieces, phrase, size) => {
        const whole = pieces.join('')
        const words = phraseWords(phrase)
        const matcher = new PhraseMatcher(words)
        for (let at = 0; at < whole.length; at += size + 1)
          matcher.push(whole.slice(at, at + size + 1), false)
        matcher.push('', true)
        assert.equal(matcher.isFound, hasPhrase(whole, words))
        const plain = ` ${whole
          .toUpperCase()
          .split(/[ ,\n-]+/)
          .join(' ')} `
        assert.equal(matcher.isFound, plain.includes(` ${phrase.toUpperCase()} `))
      },
    ),
  )
  const matcher = new PhraseMatcher(phraseWords('b a'))
  matcher.push('b', true)
  matcher.push('a', true)
  assert.equal(matcher.isFound, false)
})
