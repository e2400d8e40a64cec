import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recipientKeys, readCatchAll, readOwnAddress } from './address.ts'
import type { AccountId } from '#base/id.ts'
import { makeStore } from './fixture.test.ts'
import { preparePassword } from './password.ts'
import { login } from './sasl/login.ts'
import { external } from './sasl/external.ts'
import { scramSha256, scramSha256Plus } from './sasl/scram.ts'
import { plain } from './sasl/plain.ts'
import { accountDefaults, type AccountRow, accountRowTable } from './tables.ts'

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))

test('an account is read from its row as it was written', () => {
  const row = fc.record(
    {
      name: fc.string({ unit: 'grapheme' }),
      type: fc.constantFrom('user', 'group'),
      emailAddress: fc.string({ unit: 'grapheme' }),
      aliases: fc.array(
        fc.record(
          { address: fc.string({ unit: 'grapheme' }), enabled: fc.boolean(), description: fc.string() },
          { noNullPrototype: true },
        ),
        { maxLength: 20 },
      ),
      subAddressing: fc.constantFrom(undefined, true, false),
      description: fc.string({ unit: 'grapheme' }),
      enabled: fc.boolean(),
      memberOf: fc.array(fc.nat() as fc.Arbitrary<AccountId>),
      roles: fc.array(fc.string()),
    },
    { noNullPrototype: true },
  )
  const { value } = accountRowTable
  fc.assert(
    fc.property(row, (given) => {
      const wanted = { ...accountDefaults, ...given } as AccountRow
      assert.deepEqual(value.decode(value.encode(wanted)), wanted)
    }),
  )
})

test('an address that an account may have is found again under the same key', () => {
  const like = fc.stringMatching(/^[A-Za-zÄÖß0-9.+_'"@ -]{1,20}@[a-z.]{1,12}$/)
  fc.assert(
    fc.property(fc.oneof(anyText, like), (text) => {
      const own = readOwnAddress(text)
      readCatchAll(text)
      const keys = recipientKeys(text)
      if (own === undefined) return
      assert.deepEqual(readOwnAddress(own.spelling), own)
      assert.equal(keys?.domain, own.domain)
      assert.equal(keys.locals[0], own.local)
    }),
  )
})

test('preparing a password twice changes nothing more', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const prepared = preparePassword(text)
      if (prepared !== undefined) assert.equal(preparePassword(prepared), prepared)
    }),
  )
})

test('no bytes make a mechanism throw or sign anybody in', async () => {
  const { signIn, accounts } = makeStore()
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createAccount({ name: 'alice@example.org', password: 'correct horse' })
  const context = { signIn, from: { ip: '192.0.2.1', protocol: 'smtp' }, tls: undefined }
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 50 }),
    fc
      .array(fc.constantFrom('\0', 'alice@example.org', 'correct', 'é', 'n,,n=', ',r=', 'c=biws', ',p=AAAA'))
      .map((parts) => Buffer.from(parts.join(''))),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(plain, login, scramSha256, scramSha256Plus, external),
      fc.array(bytes, { maxLength: 4 }),
      async (mechanism, all) => {
        const exchange = mechanism.start(context)
        for (const response of all) {
          const step = await exchange.next(response)
          assert.ok(!('done' in step))
          if ('failed' in step) break
        }
      },
    ),
  )
})
