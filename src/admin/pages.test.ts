import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

test('the policy of MTA-STS is there for each domain, by its name alone', async () => {
  const { ask, accounts } = await makeApi()
  await accounts.createDomain({ name: 'example.org', aliases: ['example.com'] })
  const get = (host: string) => ask('/.well-known/mta-sts.txt', { headers: { host } })
  for (const host of ['mta-sts.example.org', 'MTA-STS.example.com:443']) {
    const policy = await get(host)
    assert.equal(policy.status, 200)
    assert.match(policy.headers.get('content-type')!, /^text\/plain/)
    assert.equal(
      await policy.text(),
      'version: STSv1\r\nmode: testing\r\nmx: mail.example.org\r\nmax_age: 604800\r\n',
    )
  }
  for (const host of ['example.org', 'mta-sts.example.net', '192.0.2.1'])
    assert.equal((await get(host)).status, 404)
})

test('mail programs are told how to connect, by address or by the name of the host', async () => {
  const { ask, accounts } = await makeApi()
  await accounts.createDomain({ name: 'example.org' })
  const get = (path: string, host = 'mail.example.org') => ask(path, { headers: { host } })
  const byAddress = await get('/mail/config-v1.1.xml?emailaddress=nobody%40example.org')
  assert.equal(byAddress.status, 200)
  const text = await byAddress.text()
  assert.match(text, /<emailProvider id="example\.org">/)
  assert.match(
    text,
    /<incomingServer type="imap">\s*<hostname>mail\.example\.org<\/hostname>\s*<port>993<\/port>\s*<socketType>SSL</,
  )
  assert.match(
    text,
    /<outgoingServer type="smtp">\s*<hostname>mail\.example\.org<\/hostname>\s*<port>465<\/port>\s*<socketType>SSL</,
  )
  assert.equal(
    await (await get('/.well-known/autoconfig/mail/config-v1.1.xml', 'autoconfig.example.org')).text(),
    text,
  )
  assert.equal(await (await get('/.well-known/mail-v1.xml', 'example.org')).text(), text)
  for (const path of [
    '/mail/config-v1.1.xml?emailaddress=a%40example.net',
    '/mail/config-v1.1.xml?emailaddress=nonsense',
  ])
    assert.equal((await get(path)).status, 404)
  assert.equal((await get('/mail/config-v1.1.xml', 'autoconfig.example.net')).status, 404)
})
