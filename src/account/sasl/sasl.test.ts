import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passwordsOnly, userAccess } from '../fixture.test.ts'
import { login } from './login.ts'
import type { SaslContext, SaslMechanism, SaslStep } from './mechanism.ts'
import { plain } from './plain.ts'

const access = userAccess(7, 'tim@example.org')
const from = { ip: '192.0.2.1', protocol: 'smtp' }

/** Knows one user, and what it was asked. */
function context() {
  const asked: [string, string][] = []
  const made: SaslContext = {
    from,
    tls: undefined,
    signIn: passwordsOnly(async (name, password, source, o) => {
      assert.deepEqual(source, from)
      asked.push([name, password])
      const isRight = name === 'tim@example.org' && password === 'tanstaaftanstaaf'
      return isRight && (o?.actAs === undefined || /^tim@/i.test(o.actAs)) ? access : 'wrong'
    }),
  }
  return { ...made, asked }
}

async function run(mechanism: SaslMechanism, ...responses: readonly (string | undefined | Uint8Array)[]) {
  const made = context()
  const exchange = mechanism.start(made)
  const steps: SaslStep[] = []
  for (const response of responses) {
    steps.push(await exchange.next(typeof response === 'string' ? Buffer.from(response) : response))
  }
  return { last: steps.at(-1)!, steps, asked: made.asked }
}

const long = (bytes: number): string => 'a'.repeat(bytes)

const plainCases: readonly [string, string | Uint8Array, SaslStep][] = [
  ['right', '\0tim@example.org\0tanstaaftanstaaf', { done: access }],
  ['acting as oneself', 'TIM@example.org\0tim@example.org\0tanstaaftanstaaf', { done: access }],
  ['acting as another', 'kurt@example.org\0tim@example.org\0tanstaaftanstaaf', { failed: 'wrong' }],
  ['acting as no address', 'tim\0tim@example.org\0tanstaaftanstaaf', { failed: 'wrong' }],
  ['wrong password', '\0tim@example.org\0tanstaaf', { failed: 'wrong' }],
  ['255 octets each', `${long(255)}\0${long(255)}\0${long(255)}`, { failed: 'wrong' }],
  ['empty', '', { failed: 'malformed' }],
  ['one NUL', '\0tim', { failed: 'malformed' }],
  ['three NULs', '\0tim@example.org\0tanstaaf\0', { failed: 'malformed' }],
  ['no name', '\0\0tanstaaftanstaaf', { failed: 'malformed' }],
  ['no password', '\0tim@example.org\0', { failed: 'malformed' }],
  ['no UTF-8', Buffer.from([0, 0xff, 0, 0x61]), { failed: 'malformed' }],
  ['authorization identity too long', `${long(256)}\0tim@example.org\0tanstaaf`, { failed: 'malformed' }],
  ['name too long', `\0${long(256)}\0tanstaaf`, { failed: 'malformed' }],
  ['password too long', `\0tim@example.org\0${long(1025)}`, { failed: 'malformed' }],
]
for (const [what, message, expected] of plainCases) {
  test(`PLAIN: ${what}`, async () => {
    assert.deepEqual((await run(plain, message)).last, expected)
    const later = await run(plain, undefined, message)
    assert.deepEqual(later.steps[0], { challenge: new Uint8Array(0) })
    assert.deepEqual(later.last, expected)
  })
}

test('PLAIN: what is malformed is not tried', async () => {
  assert.deepEqual((await run(plain, '\0tim@example.org\0a\0b')).asked, [])
})

test('LOGIN: asks for name, then password', async () => {
  const { steps } = await run(login, undefined, 'tim@example.org', 'tanstaaftanstaaf')
  assert.deepEqual(steps, [
    { challenge: Buffer.from('Username:') },
    { challenge: Buffer.from('Password:') },
    { done: access },
  ])
})

test('LOGIN: an initial response is the name', async () => {
  assert.deepEqual((await run(login, 'tim@example.org', 'tanstaaftanstaaf')).last, { done: access })
})

const loginCases: readonly [string, readonly (string | Uint8Array)[], SaslStep][] = [
  ['wrong password', ['tim@example.org', 'tanstaaf'], { failed: 'wrong' }],
  ['no name', [''], { failed: 'malformed' }],
  ['no password', ['tim@example.org', ''], { failed: 'malformed' }],
  ['NUL in the name', ['a\0b'], { failed: 'malformed' }],
  ['no UTF-8', [Buffer.from([0xc3])], { failed: 'malformed' }],
  ['name too long', [long(256)], { failed: 'malformed' }],
  ['password too long', ['tim@example.org', long(1025)], { failed: 'malformed' }],
]
for (const [what, responses, expected] of loginCases) {
  test(`LOGIN: ${what}`, async () => {
    assert.deepEqual((await run(login, undefined, ...responses)).last, expected)
  })
}
