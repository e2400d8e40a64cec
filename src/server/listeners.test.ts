import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { LiveSettings } from '#registry/live.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { type Protocol } from '#net/listener.ts'
import { CertificateSet } from '#net/certificate-set.ts'
import { Advice } from './advice.ts'
import { settingsObjects } from './catalog.ts'
import { openListeners, planListeners, probePorts } from './listeners.ts'

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

test('a port in use closes what was opened before, and says what to do', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  try {
    const { plans } = plansOf(
      `server.listener.a.bind = "127.0.0.1:0"\nserver.listener.b.bind = "127.0.0.1:${port}"`,
    )
    const smtp: Protocol = { name: 'smtp', alpn: [], serve: async () => {} }
    const certificates = new CertificateSet([createSelfSigned(['localhost'], Date.now())])
    const isAdvice = (error: unknown): boolean =>
      error instanceof Advice &&
      error.message.startsWith(
        `Cannot open port ${port} on 127.0.0.1 for the listener "b": another program uses it.`,
      )
    const o = {
      protocols: { smtp },
      certificates,
      ticketKeys: Buffer.alloc(48),
      reusePort: false,
      onTrouble: () => {},
    }
    await assert.rejects(openListeners(plans, o), isAdvice)
    await assert.rejects(probePorts(plans), isAdvice)
  } finally {
    other.close()
  }
})
