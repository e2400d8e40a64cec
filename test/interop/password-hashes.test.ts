/** Hashes that openssl, libxcrypt and passlib make now are checked here, and the other way round. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { describe, test } from 'node:test'
import { bcryptHash } from '#account/verifiers/bcrypt.ts'
import { scryptHash } from '#account/verifiers/scrypt.ts'
import { isRightPassword } from '#account/verifiers/stored-hash.ts'
import { needs, run } from './program.ts'

const passwords = ['secret', 'pässwörd ☃', 'x'.repeat(72), randomBytes(40).toString('base64')]

describe('openssl passwd', needs('openssl'), () => {
  for (const form of ['-1', '-5', '-6']) {
    test(`openssl passwd ${form}`, async () => {
      const { stdout } = await run('openssl', ['passwd', form, '-stdin'], {
        input: `${passwords.join('\n')}\n`,
      })
      const hashes = stdout.toString('utf8').trim().split('\n')
      assert.equal(hashes.length, passwords.length)
      for (const [i, text] of hashes.entries()) {
        assert.ok(isRightPassword(text, passwords[i]!), text)
        assert.ok(!isRightPassword(text, `${passwords[i]!}x`), text)
      }
    })
  }
})

describe('libxcrypt and passlib', needs('python3', 'passlib'), () => {
  const script = path.join(import.meta.dirname, 'python', 'password_hashes.py')
  const python = async (command: string, input: unknown): Promise<unknown> => {
    const { stdout } = await run('/usr/bin/python3', ['-B', '-W', 'ignore', script, command], {
      input: JSON.stringify(input),
    })
    return JSON.parse(stdout.toString('utf8'))
  }

  test('what they make is checked', async () => {
    const made = (await python('make', passwords)) as readonly (readonly [string, string, string])[]
    assert.ok(made.length > 60)
    for (const [scheme, password, text] of made) {
      assert.ok(isRightPassword(text, password), `${scheme} ${text}`)
      assert.ok(!isRightPassword(text, `y${password}`), `${scheme} ${text}`)
    }
  })

  test('what we make is checked by them', async () => {
    const password = passwords[1]!
    // Debian's passlib has no argon2 of its own, and knows no PHC form of PBKDF2.
    const made = [bcryptHash, scryptHash].map((make) => make(Buffer.from(password)))
    const pairs = made.map((text) => [password, text])
    assert.deepEqual(await python('verify', pairs), [true, true])
  })
})
