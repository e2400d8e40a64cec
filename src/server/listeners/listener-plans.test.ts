import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNetwork } from '#base/ip.ts'
import { LiveSettings } from '#registry/live.ts'
import { givenByRow } from '#registry/settings-rows.ts'
import { networkListener } from '#net/settings.ts'
import { settingsObjects } from '../catalog.ts'
import { planListeners } from './listener-plans.ts'

function plansOf(toml: string) {
  const settings = new LiveSettings(settingsObjects)
  settings.loadText(toml, 'x.toml')
  return planListeners(settings)
}

test('without configuration: the usual ports, for this machine only', () => {
  const { plans, warnings } = planListeners(new LiveSettings(settingsObjects))
  const shown = plans.map(
    ({ service, bind, tlsImplicit }) =>
      `${service} ${bind[0]!.ip}:${bind[0]!.port}${tlsImplicit ? ' tls' : ''}`,
  )
  assert.deepEqual(warnings, [])
  assert.deepEqual(shown, [
    'smtp 127.0.0.1:2525',
    'submission 127.0.0.1:2587',
    'submission 127.0.0.1:2465 tls',
    'imap 127.0.0.1:2143',
    'imap 127.0.0.1:2993 tls',
    'http 127.0.0.1:8080',
    'http 127.0.0.1:8443 tls',
  ])
})

// Turns red where a listener of the store takes the usual ones away, and with them the way to mend it.
test('a listener of the store comes besides the usual ones, or in the place of the one with its id', () => {
  const settings = new LiveSettings(settingsObjects)
  const object = settings.objects.find(({ name }) => name === networkListener.name)!
  const store = (id: string, port: number): void => {
    const row = { bind: [`127.0.0.1:${port}`], protocol: 'imap' }
    settings.storeChanged(object, id, givenByRow(object, id, row, []))
  }
  const shown = (): readonly string[] =>
    planListeners(settings).plans.map(({ id, bind, instead, isStored }) =>
      [id, bind[0]!.port, isStored === true ? 'stored' : '', instead?.bind[0]!.port ?? ''].join(' ').trim(),
    )
  store('extra', 1430)
  store('imap', 1431)
  assert.deepEqual(shown(), [
    'smtp 2525',
    'submission 2587',
    'submissions 2465',
    'imap 1431 stored 2143',
    'imaps 2993',
    'http 8080',
    'https 8443',
    'extra 1430 stored',
  ])
  settings.loadText('[server.listener.smtp]\nbind = "127.0.0.1:25"\n', 'x.toml')
  assert.deepEqual(shown(), ['extra 1430 stored', 'imap 1431 stored', 'smtp 25'])
})

test('submission is known by its ports or its name', () => {
  const listener = (id: string, port: number): string =>
    `[server.listener.${id}]\nbind = "[::]:${port}"\nprotocol = "smtp"\n`
  const names = [listener('a', 25), listener('b', 587), listener('c', 465), listener('submission-x', 26)]
  const { plans } = plansOf(names.join(''))
  assert.deepEqual(
    plans.map(({ id, service }) => `${id} ${service}`),
    ['a smtp', 'b submission', 'c submission', 'submission-x submission'],
  )
})

test('what cannot be spoken yet is left out with a warning', () => {
  const { plans, warnings } = plansOf('server.listener.p = { bind = "[::]:110", protocol = "pop3" }')
  assert.deepEqual(plans, [])
  assert.deepEqual(warnings, ['listener "p" is not opened: this release does not speak pop3 yet'])
})

test('the proxies of a listener: its own, for whom it is alone, or those of the server', () => {
  const { plans, warnings } = plansOf(`
server.proxy.trusted-networks = ["10.0.0.0/8"]
Http.useXForwarded = true
[server.listener.shared]
bind = "[::]:25"
[server.listener.own]
bind = "[::]:26"
proxy.trusted-networks = ["192.0.2.1"]
[server.listener.none]
bind = "[::]:27"
proxy.trusted-networks = []
[server.listener.web]
bind = "[::]:80"
protocol = "http"
`)
  assert.deepEqual(warnings, [])
  assert.deepEqual(
    plans.map(({ id, proxies, proxiesOnly }) => [id, proxies!.map(formatNetwork).join(), proxiesOnly]),
    [
      ['shared', '10.0.0.0/8', false],
      ['own', '192.0.2.1/32', true],
      ['none', '', false],
      ['web', '', false],
    ],
  )
  assert.match(plansOf('Http.useXForwarded = true').warnings[0]!, /has no effect as long as/)
})

test('what cannot be in TLS is said with the line', () => {
  const wrong = (toml: string, expected: RegExp): void =>
    assert.throws(() => plansOf(`[server.listener.a]\nbind = "[::]:25"\n${toml}`), expected)
  wrong('tls.disable-protocols = ["tls12", "TLSv1.3"]', /x\.toml:3: .*leaves no version of TLS/)
  wrong('tls.disable-protocols = "tls11"', /must be one of "tls12", "tls13", not "tls11"/)
  wrong('tlsClientCertificates = "request"', /x\.toml:1: .*tlsClientAuthorities is missing/)
  wrong('tlsClientAuthorities = "nothing"', /must be certificates in PEM/)
})

// Turns red where a proxy that tells of its clients in HTTP is taken for one of them.
test('a proxy that tells of its clients in HTTP may have all connections', () => {
  const { plans } = plansOf(
    '[server.listener.a]\nbind = "[::]:80"\nprotocol = "http"\nmax-connections = 100\n' +
      '[server.listener.b]\nbind = "[::]:143"\nprotocol = "imap"\n' +
      '[http]\nuse-x-forwarded = true\n',
  )
  assert.deepEqual(
    plans.map(({ maxPerAddress }) => maxPerAddress),
    [100, undefined],
  )
})
