import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { makeApi } from '#admin/fixture.test.ts'

interface Shown {
  readonly id: string
  readonly [field: string]: unknown
}

async function setUp(config = '') {
  const api = await makeApi({ config })
  await api.accounts.createDomain({ name: 'example.org', aliases: ['example.net'] })
  const path = '/api/object/DkimSignature'
  const create = async (values: object) => {
    const { status, body } = await api.call('POST', path, values)
    const { data, detail = '' } = body as { data: Shown; detail?: string }
    return { status, data, detail }
  }
  return { ...api, path, create }
}

const ownKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string
const secretPart = ownKey.split('\n')[3]!

describe('DKIM keys as objects', () => {
  it('are made with a selector of their own, and wait for their record', async () => {
    const { create } = await setUp()
    const { data } = await create({ domain: 'example.org' })
    assert.equal(data.id, 'v1-ed25519-20231114._domainkey.example.org')
    assert.equal(data['name'], data.id)
    assert.equal(data['stage'], 'pending')
    assert.match(String(data['record']), /^v=DKIM1; k=ed25519; h=sha256; p=[\w+/]{43}=$/)
    assert.equal(data['management'], 'manual')
    const second = await create({ domain: 'example.net', algorithm: 'rsa', stage: 'active' })
    assert.equal(second.data.id, 'v1-rsa-20231114._domainkey.example.net')
    assert.equal(second.data['algorithm'], 'rsa-sha256')
    assert.equal((await create({ domain: 'example.org' })).data['selector'], 'v2-ed25519-20231114')
  })

  it('are taken as somebody brings them, and never shown again, nor written down', async () => {
    const { create, call, path, told } = await setUp()
    const { status, data } = await create({ domain: 'example.org', selector: 'S1', privateKey: ownKey })
    assert.equal(status, 201)
    assert.equal(data.id, 's1._domainkey.example.org')
    const shown = [
      data,
      (await call('GET', `${path}/s1._domainkey.example.org`)).body,
      (await call('GET', path)).body,
      (await call('GET', '/api/object/AuditEntry')).body,
      (await call('PATCH', `${path}/s1._domainkey.example.org`, { headers: ['From', 'To'] })).body,
      told,
    ]
    for (const one of shown) {
      const text = JSON.stringify(one)
      assert.ok(!text.includes(secretPart) && !text.includes('PRIVATE'), text)
    }
    assert.ok(JSON.stringify(shown[3]).includes('s1._domainkey.example.org'))
  })

  it('are refused for domains of others, twice, with a wrong key, and with a name too long', async () => {
    const { create } = await setUp()
    assert.match((await create({ domain: 'example.com' })).detail, /domain: must be a domain of this server/)
    const own = { domain: 'example.org', selector: 's1', privateKey: ownKey }
    assert.equal((await create({ ...own, algorithm: 'ed25519' })).status, 400)
    const wrong = await create({ ...own, privateKey: 'my secret' })
    assert.match(wrong.detail, /privateKey: holds no private key/)
    assert.ok(!wrong.detail.includes('my secret'))
    assert.equal((await create(own)).status, 201)
    assert.equal((await create(own)).status, 409)
  })

  it('reach those who sign when their stage changes, and go', async () => {
    const { create, call, path, bus, clock } = await setUp()
    const heard: string[] = []
    bus.on('forget', ({ cache, key }) => void heard.push(`${cache} ${key}`))
    const { data } = await create({ domain: 'example.org' })
    clock.advance(5000)
    const { body } = await call('PATCH', `${path}/${data.id}`, { stage: 'active' })
    const changed = (body as { data: Shown }).data
    assert.equal(changed['stage'], 'active')
    assert.equal(changed['stageSince'], '2023-11-14T22:13:25Z')
    assert.equal((await call('DELETE', `${path}/${data.id}`)).status, 200)
    assert.equal((await call('GET', `${path}/${data.id}`)).status, 404)
    assert.deepEqual(heard, Array(3).fill('dkim example.org'))
  })

  it('are found by domain, stage and part of the name', async () => {
    const { create, call, path } = await setUp()
    await create({ domain: 'example.org', selector: 'a' })
    await create({ domain: 'example.net', selector: 'b', stage: 'active' })
    const found = async (query: string): Promise<readonly string[]> => {
      const { body } = await call('GET', `${path}?${query}`)
      return (body as { data: { items: readonly Shown[] } }).data.items.map(({ id }) => id)
    }
    const [a, b] = ['a._domainkey.example.org', 'b._domainkey.example.net']
    assert.deepEqual(await found(''), [b, a])
    assert.deepEqual(await found('domain=example.org'), [a])
    assert.deepEqual(await found('stage=active'), [b])
    assert.deepEqual(await found('text=A._Domain'), [a])
  })

  it('of the configuration are shown beside the others, and only changed there', async () => {
    const { create, call, path } = await setUp(
      `[signature.old]\ndomain = "example.org"\nselector = "s1"\nprivate-key = '''${ownKey}'''\nexpire = "2d"\n`,
    )
    const name = 's1._domainkey.example.org'
    const { body } = await call('GET', `${path}/${name}`)
    const shown = (body as { data: Shown }).data
    const { management, stage, algorithm, expire } = shown
    assert.deepEqual(
      [management, stage, algorithm, expire],
      ['configuration', 'active', 'rsa-sha256', 172_800_000],
    )
    assert.ok(!JSON.stringify(body).includes(secretPart))
    const listed = (await call('GET', `${path}?domain=example.org`)).body as {
      data: { items: readonly Shown[] }
    }
    assert.deepEqual(
      listed.data.items.map(({ id }) => id),
      [name],
    )
    assert.equal((await create({ domain: 'example.org', selector: 's1' })).status, 409)
    assert.equal((await call('PATCH', `${path}/${name}`, { stage: 'retired' })).status, 403)
    assert.equal((await call('DELETE', `${path}/${name}`)).status, 403)
    const zone = await call('GET', '/api/dns/records/example.org')
    assert.ok(JSON.stringify(zone.body).includes(`${name}.`))
    const classic = await call('GET', '/api/settings/list')
    assert.ok(!JSON.stringify(classic.body).includes('s1'))
  })
})
