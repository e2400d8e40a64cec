/** Mail between the server and Debian's OpenSMTPD, and what comes back where it lacks something. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { carol, ours, theirs } from './exchange.ts'
import { testExchange } from './exchange-tests.ts'
import { letter, users } from './letters.ts'
import { openSmtpd } from './peers/opensmtpd.ts'
import { readReport } from './report.ts'

testExchange(openSmtpd, (exchange) => {
  const plain = letter(0, { from: ours, to: theirs, lacks: [] })

  for (const [what, to, mailParameters, status] of [
    ['UTF-8', `${users.utf8}@${theirs}`, ' SMTPUTF8', '5.6.7'],
    ['quotes', `${users.quoted}@${theirs}`, '', '5.1.3'],
  ] as const) {
    test(`an address with ${what}, which it does not take, comes back`, async () => {
      await exchange().send({ ...plain, from: carol, to: [to], mailParameters, rcptParameters: '' })
      const [message = assert.fail()] = await exchange().received(carol, 1)
      const { recipients } = await readReport(message)
      assert.deepEqual([recipients[0]?.['action'], recipients[0]?.['status']], ['failed', status])
    })
  }
})
