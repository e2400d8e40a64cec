import assert from 'node:assert/strict'
import { sign, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { makeStore } from '#account/fixture.test.ts'
import { dkimKeyTable, type DkimKeyRow } from '#account/dkim-tables.ts'
import { destroyDomainRows } from '#account/domain-rows.ts'
import { LiveSettings } from '#registry/live.ts'
import { newDkimKeyPair } from './dkim-key-pair.ts'
import { certSettings } from './settings.ts'
import { dkimCache, SigningKeys } from './signing-keys.ts'

const pair = await newDkimKeyPair('ed25519-sha256')
const row: DkimKeyRow = {
  ...pair,
  isAutomatic: true,
  stage: 'active',
  stageSince: 0,
  canonicalization: 'relaxed/relaxed',
  headers: [],
  expire: 90_500,
  createdAt: 0,
}

function setUp() {
  const store = makeStore()
  const settings = new LiveSettings(certSettings)
  let reads = 0
  const db = {
    ...store.db,
    read: (body: never) => {
      reads++
      return store.db.read(body)
    },
  } as unknown as typeof store.db
  const keys = new SigningKeys({ ...store, db, settings })
  const put = (selector: string, change: Partial<DkimKeyRow>) =>
    store.db.write([], async (tx) => tx.put(dkimKeyTable, ['example.org', selector], { ...row, ...change }))
  const changed = () => store.bus.publish({ kind: 'forget', cache: dkimCache, key: 'example.org' })
  return { ...store, settings, keys, put, changed, reads: () => reads }
}

describe('the keys of who signs', () => {
  it('are those that are active, ready to sign', async () => {
    const { keys, put } = setUp()
    for (const stage of ['pending', 'active', 'retiring', 'retired'] as const) await put(stage, { stage })
    const [key, ...others] = await keys.keysOf('example.org')
    assert.deepEqual(others, [])
    const { privateKey, ...rest } = key!
    assert.deepEqual(rest, {
      domain: 'example.org',
      selector: 'active',
      algorithm: 'ed25519-sha256',
      canonicalization: 'relaxed/relaxed',
      headers: [],
      expireSeconds: 90,
    })
    const raw = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      Buffer.from(pair.publicKey, 'base64'),
    ])
    const shown = { key: raw, format: 'der', type: 'spki' } as const
    assert.ok(verify(null, Buffer.from('x'), shown, sign(null, Buffer.from('x'), privateKey)))
  })

  it('are answered from memory, at once, until something changes or a minute is over', async () => {
    const { keys, put, changed, clock, reads } = setUp()
    await put('a', {})
    await Promise.all([keys.keysOf('example.org'), keys.keysOf('example.org')])
    assert.ok(Array.isArray(keys.keysOf('example.org')))
    assert.equal(reads(), 1)
    await put('b', {})
    changed()
    assert.equal((await keys.keysOf('example.org')).length, 2)
    await put('c', {})
    assert.equal((await keys.keysOf('example.org')).length, 2)
    clock.advance(60_001)
    assert.equal((await keys.keysOf('example.org')).length, 3)
  })

  it('are not remembered as they were before a change that came while they were read', async () => {
    const { keys, put, changed } = setUp()
    await put('a', {})
    const before = keys.keysOf('example.org')
    await put('a', { stage: 'retired' })
    changed()
    await before
    assert.deepEqual(await keys.keysOf('example.org'), [])
  })

  it('are gone with the domain, and with the alias that a domain had', async () => {
    const { keys, accounts, db, put } = setUp()
    await accounts.createDomain({ name: 'example.com', aliases: ['example.org'] })
    await put('a', {})
    assert.equal((await keys.keysOf('example.org')).length, 1)
    await db.write([], (tx) => destroyDomainRows(tx, 'example.com'))
    accounts.forget('example.com')
    assert.deepEqual(await keys.keysOf('example.org'), [])
  })

  it('do without one that cannot be read, and say so without any of it', async () => {
    const { keys, put, told } = setUp()
    await put('a', { privateKey: 'broken' })
    assert.deepEqual(await keys.keysOf('example.org'), [])
    assert.deepEqual(told, [{ event: 'cert.dkim-key-unusable', domain: 'example.org', selector: 'a' }])
  })

  it('are those of the configuration too, as it is now', async () => {
    const { keys, put, settings } = setUp()
    await put('a', {})
    const given = `[DkimSignature.x]\ndomain = "Example.ORG"\nselector = "x"\nprivateKey = '''${pair.privateKey}'''\n`
    const selectors = async () => (await keys.keysOf('example.org')).map(({ selector }) => selector)
    assert.deepEqual(await selectors(), ['a'])
    settings.loadText(given, 'test.toml')
    assert.deepEqual(await selectors(), ['x', 'a'])
    const wrong = given.replace('selector', 'algorithm = "rsa"\nselector')
    assert.throws(
      () => settings.loadText(wrong, 'test.toml'),
      /algorithm must be ed25519-sha256, as the key is/,
    )
    assert.throws(
      () => settings.loadText(given.replace(/'''[^]*'''/, '"my secret"'), 'test.toml'),
      (error: Error) => /holds no private key/.test(error.message) && !error.message.includes('my secret'),
    )
    settings.loadText('', 'test.toml')
    assert.deepEqual(await selectors(), ['a'])
  })
})
