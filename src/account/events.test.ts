import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textFormat } from '#observe/log-line.ts'
import { authFailed } from './events.ts'

test('a refused sign-in is one line that begins with the address, whatever name was given', () => {
  const values = { ip: '192.0.2.7', protocol: 'imap', name: 'x\n2026 auth.failed  ip=198.51.100.1 "' }
  const line = textFormat(false)(1_700_000_000_000, authFailed, values, {})
  // What a fail2ban filter would have as its failregex.
  assert.match(line, /^\S+Z warn {2}auth\.failed {2}ip=192\.0\.2\.7 protocol=imap name="/)
  assert.equal(line.trimEnd().split('\n').length, 1)
})
