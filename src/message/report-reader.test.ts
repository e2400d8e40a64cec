import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDeliveryStatus, readDisposition } from './report-reader.ts'

const bytes = (...lines: readonly string[]): Buffer => Buffer.from(lines.join('\r\n'))

test('RFC 3464 §2: the fields of the message, then a group for each recipient', () => {
  const report = bytes(
    'Original-Envelope-Id: QQ314159',
    'Reporting-MTA: dns; cs.utk.edu',
    '',
    'Original-Recipient: rfc822;louisl@larry.slip.umd.edu',
    'Final-Recipient: rfc822; <louisl@x.example>',
    'Action: Failed (for good)',
    'Status: 4.0.0',
    'Diagnostic-Code: smtp; 426 connection timed',
    ' out',
    '',
    '',
    'Final-Recipient: utf-8; j\\x{F6}rg@x.example',
    'Action: delivered',
    'Status: fine',
    'Diagnostic-Code: X-Unix; 5',
    '',
    'Final-Recipient: rfc822; nobody@x.example',
    'Status: 2.0.0',
    '',
  )
  assert.deepEqual(readDeliveryStatus(report), {
    envelopeId: 'QQ314159',
    recipients: [
      {
        action: 'failed',
        status: '4.0.0',
        smtpReply: '426 connection timed out',
        addresses: ['louisl@larry.slip.umd.edu', 'louisl@x.example'],
      },
      { action: 'delivered', status: undefined, smtpReply: undefined, addresses: ['jörg@x.example'] },
    ],
  })
})

test('RFC 8098 §3: the type of a disposition, without its modes and modifiers', () => {
  const read = (disposition: string) =>
    readDisposition(
      bytes('Original-Message-ID: <a@b>', `Disposition: ${disposition}`, 'Final-Recipient: rfc822;x@y'),
    )
  assert.deepEqual(read('automatic-action/MDN-sent-automatically; Displayed/error'), {
    disposition: 'displayed',
    originalMessageId: '<a@b>',
    addresses: ['x@y'],
  })
  assert.equal(read('manual-action/MDN-sent-manually;dispatched')?.disposition, 'dispatched')
  assert.equal(read('displayed'), undefined)
  assert.equal(readDisposition(Buffer.alloc(0)), undefined)
})

test('what is no report gives nothing, and there is an end to groups', () => {
  assert.deepEqual(readDeliveryStatus(bytes('words that are no field', 'x')), {
    envelopeId: undefined,
    recipients: [],
  })
  const many = readDeliveryStatus(Buffer.from('A: b\r\n\r\n' + 'Action: failed\r\n\r\n'.repeat(5000)))
  assert.equal(many.recipients.length, 999)
  const hostile = readDeliveryStatus(bytes('X: y', '', '__proto__: z', 'constructor: q', 'Action: failed'))
  assert.deepEqual(hostile.recipients, [
    { action: 'failed', status: undefined, smtpReply: undefined, addresses: [] },
  ])
})
