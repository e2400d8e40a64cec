/** Signatures of S/MIME that OpenSSL made, in messages that are stored. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { X509Certificate } from 'node:crypto'
import { fixedClock } from '#base/clock.ts'
import { changesSince } from '#kv/change-log.ts'
import { SmimeStatuses, type SmimeVerdict } from '#mail/smime-status.ts'
import { messageTable, structureTable } from '#mail/tables.ts'
import { account, openTestAccount, type TestAccount } from '#mail/test-account.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { needs, run } from './program.ts'

const body = 'Content-Type: text/plain\r\n\r\nHello there\r\n'
const dayMs = 86_400_000

describe('S/MIME', needs('openssl'), () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'postern-smime-'))
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { folder })
  const file = (name: string): Buffer => readFileSync(path.join(folder, name))
  const anchor = (name: string): Uint8Array => new X509Certificate(file(name)).raw
  let store: TestAccount
  /** Behind the moment from which the certificates hold. */
  const clock = fixedClock(Date.now() + 60_000)

  /** An authority, and a certificate of it for this address. */
  const issue = async (name: string, extensions: string): Promise<void> => {
    writeFileSync(path.join(folder, `${name}.ext`), extensions)
    await openssl(
      ...`req -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`.split(' '),
    )
    const sign = `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.pem -days 30`
    await openssl(...sign.split(' '), '-extfile', `${name}.ext`)
  }
  const forMail = (address: string): string =>
    `basicConstraints=CA:FALSE\nextendedKeyUsage=emailProtection\nsubjectAltName=email:${address}\n`

  before(async () => {
    store = await openTestAccount()
    const request =
      'req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3650 -subj /CN=authority'
    await openssl(...request.split(' '), '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
    await issue('alice', forMail('alice@example.org'))
    await issue('web', 'extendedKeyUsage=serverAuth\nsubjectAltName=email:alice@example.org\n')
    writeFileSync(path.join(folder, 'body'), body)
  })
  after(() => rmSync(folder, { recursive: true }))

  const signed = async (o: { by?: string; opaque?: boolean; digest?: string } = {}): Promise<string> => {
    const { by = 'alice', opaque = false, digest = 'sha256' } = o
    const how = opaque ? ['-nodetach'] : []
    const sign = `cms -sign -binary -in body -signer ${by}.pem -inkey ${by}.key -outform DER -out cms -md ${digest}`
    await openssl(...sign.split(' '), ...how)
    return file('cms').toString('base64').replace(/.{64}/g, '$&\n')
  }
  const detached = (cms: string, text = body): string =>
    'From: Alice <alice@example.org>\nSubject: signed\n' +
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b\n\n' +
    `--b\n${text}\n--b\nContent-Type: application/pkcs7-signature\nContent-Transfer-Encoding: base64\n\n${cms}\n--b--\n`
  const inside = (cms: string, type = 'signed-data'): string =>
    'From: alice@example.org\nContent-Transfer-Encoding: base64\n' +
    `Content-Type: application/pkcs7-mime; smime-type=${type}\n\n${cms}\n`

  const verdictOf = async (
    text: string,
    o: { anchors?: readonly Uint8Array[]; receivedAt?: number } = {},
  ): Promise<SmimeVerdict & { readonly again: () => Promise<SmimeVerdict>; readonly id: number }> => {
    const { id } = await store.append(text)
    const statuses = new SmimeStatuses({ ...store, clock, anchors: () => o.anchors ?? [anchor('ca.pem')] })
    const again = async (): Promise<SmimeVerdict> => {
      const { row, stored } = await store.db.read(async (tx) => ({
        row: (await tx.get(messageTable, account, id))!,
        stored: (await tx.get(structureTable, account, id))!,
      }))
      const receivedAt = o.receivedAt ?? Date.now() + 60_000
      const message = { id, row: { ...row, receivedAt }, structure: new StoredStructure(stored) }
      return (await statuses.of(account, [message]))[0]!
    }
    return { ...(await again()), again, id }
  }

  test('RFC 9219 §4.1: a signature holds, beside the text and around it', async () => {
    for (const text of [detached(await signed()), inside(await signed({ opaque: true }))]) {
      const { status, statusAtDelivery, errors, verifiedAt } = await verdictOf(text)
      assert.deepEqual([status, statusAtDelivery, errors], ['signed/verified', 'signed/verified', null])
      assert.equal(verifiedAt, clock.now())
    }
  })

  test('what was changed, comes from somebody else, is not for mail or leads nowhere fails, and why is said', async () => {
    const cms = await signed()
    const failed = async (
      text: string,
      why: RegExp,
      o: { anchors?: readonly Uint8Array[] } = {},
    ): Promise<void> => {
      const { status, errors } = await verdictOf(text, o)
      assert.equal(status, 'signed/failed')
      assert.match(errors!.join(' '), why)
      assert.doesNotMatch(errors!.join(' '), /alice|Hello/)
    }
    await failed(detached(cms, body.replace('Hello', 'Hallo')), /was changed/)
    await failed(detached(cms).replace('alice@example.org', 'bob@example.org'), /not that of the address/)
    await failed(detached(cms), /authority/, { anchors: [] })
    await failed(detached(await signed({ by: 'web' })), /not for mail/)
    await failed(detached(await signed({ digest: 'sha1' })), /can be forged/)
    await failed(detached('AAAA'), /cannot be read/)
    await failed(detached(`${cms}MMMM`), /cannot be read/)
    await failed(inside('MIAAAA'.repeat(1000)), /cannot be read/)
  })

  test('what is no S/MIME has no status, what is something else is unknown', async () => {
    assert.equal((await verdictOf('From: a@b.example\n\nx\n')).status, null)
    assert.equal((await verdictOf(inside('AAAA', 'enveloped-data'))).status, null)
    assert.equal((await verdictOf(inside('AAAA', 'certs-only'))).status, 'unknown')
    const pgp = detached('AAAA').replace('application/pkcs7-signature', 'application/pgp-signature')
    assert.equal((await verdictOf(pgp)).status, 'unknown')
  })

  test('RFC 9219 §4.3: it is known for a day, and a change of it is in the change log', async () => {
    const found = await verdictOf(detached(await signed()))
    const changed = async (): Promise<readonly number[]> => {
      const since = await store.db.read((tx) => changesSince(tx, account, 'Email', created as never, 100))
      return since === 'tooOld' ? [] : since.updated
    }
    const created = await store.db.read((tx) => tx.sequence(account))
    const first = clock.now()
    clock.advance(dayMs - 1)
    assert.equal((await found.again()).verifiedAt, first)
    clock.advance(2)
    assert.deepEqual([(await found.again()).verifiedAt, await changed()], [clock.now(), []])
    clock.advance(40 * dayMs)
    const { status, statusAtDelivery, errors } = await found.again()
    assert.deepEqual([status, statusAtDelivery], ['signed/failed', 'signed/verified'])
    assert.match(errors!.join(' '), /expired/)
    assert.deepEqual(await changed(), [found.id])
  })
})
