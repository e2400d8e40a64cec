import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alternativeNames } from './alternative-names.ts'

test('names by kind', () => {
  assert.deepEqual(
    alternativeNames(
      'DNS:Mail.Example.org, DNS:*.example.net, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, ' +
        'email:alice@example.org, URI:https://example.org/, othername:<unsupported>',
    ),
    {
      dns: ['mail.example.org', '*.example.net'],
      ip: ['192.0.2.1', '2001:DB8:0:0:0:0:0:1'],
      email: ['alice@example.org'],
      uri: ['https://example.org/'],
    },
  )
  assert.deepEqual(alternativeNames(undefined).dns, [])
})

test('a name that holds separators does not become several', () => {
  // As node shows the one name "evil.example, DNS:victim.example".
  const { dns, email } = alternativeNames(
    'DNS:"evil.example, DNS:victim.example", email:"a\\", email:b@victim.example", DNS:own.example',
  )
  assert.deepEqual(dns, ['own.example'])
  assert.deepEqual(email, [])
})
