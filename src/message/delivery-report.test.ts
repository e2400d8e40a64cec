import assert from 'node:assert/strict'
import { test } from 'node:test'
import { composeDeliveryReport } from './delivery-report.ts'

const report = (address: string, originalRecipient: string) =>
  composeDeliveryReport({
    reportingMta: 'mail.example.org',
    from: { name: 'Mail', address: 'MAILER-DAEMON@mail.example.org' },
    to: 'alice@example.org',
    messageId: '1@mail.example.org',
    subject: 'not delivered',
    at: 0,
    text: ['Sorry.'],
    arrivedAt: 0,
    recipients: [{ address, originalRecipient, action: 'failed', status: '5.1.1' }],
    boundary: '=_b',
  })

test('RFC 6533 §3: an original recipient of the type utf-8 is in ASCII where all else is', () => {
  const { bytes, needsUtf8 } = report('joerg@example.net', 'utf-8;j\\x{F6}rg\\x{2B}ö@example.net')
  assert.match(bytes.toString(), /^Content-Type: message\/delivery-status\r$/m)
  assert.match(
    bytes.toString(),
    /^Original-Recipient: utf-8; j\\x\{F6\}rg\\x\{2B\}\\x\{F6\}@example\.net\r$/m,
  )
  assert.equal(needsUtf8, false)
})

test('RFC 6533 §4.1: it is in clear where another address is beyond ASCII', () => {
  const { bytes, needsUtf8 } = report('jörg@example.net', 'utf-8;j\\x{F6}rg\\x{2B}1@example.net')
  assert.match(bytes.toString(), /^Content-Type: message\/global-delivery-status\r$/m)
  assert.match(bytes.toString(), /^Original-Recipient: utf-8; jörg\+1@example\.net\r$/m)
  assert.match(bytes.toString(), /^Final-Recipient: utf-8; jörg@example\.net\r$/m)
  assert.equal(needsUtf8, true)
})
