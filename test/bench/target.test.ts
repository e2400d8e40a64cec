import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountName, parseOptions, parseTarget } from './target.ts'

test('a target is read from its parts', () => {
  const target = parseTarget(
    'smtp=127.0.0.1:25,imap=mail.example:143,user=u%d@example.org,password=a=b,pid=7+8',
  )
  assert.deepEqual(target, {
    name: 'target',
    smtp: { host: '127.0.0.1', port: 25 },
    imap: { host: 'mail.example', port: 143 },
    user: 'u%d@example.org',
    password: 'a=b',
    accounts: 100,
    pids: [7, 8],
  })
  assert.equal(accountName(target, 3), 'u3@example.org')
})

test('a user without a number is one account', () => {
  assert.equal(parseTarget('user=me,password=x').accounts, 1)
})

test('what cannot be meant is refused with advice', () => {
  assert.throws(() => parseTarget('user=a,password=b,smtp=here'), /smtp=here is not host:port/)
  assert.throws(() => parseTarget('user=a,password=b,port=1'), /"port" is none of/)
  assert.throws(() => parseTarget('smtp=h:1'), /needs user= and password=/)
  assert.throws(() => parseOptions(['--seconds', 'soon']), /--seconds wants a number above 0/)
  assert.throws(() => parseOptions(['--fast']), /--fast/)
})
