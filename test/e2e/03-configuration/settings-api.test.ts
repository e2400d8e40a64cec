/** Settings by the API: in force at once in all workers, kept, and below what the file and the environment say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { testCertificate, testKey } from '../../harness/certificates.ts'
import type { Conversation } from '../../harness/conversation.ts'
import { freePorts } from '../../harness/free-ports.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

interface Answer {
  readonly status: number
  readonly data: Record<string, unknown>
}

async function call(server: TestServer, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await server.api(method, `/api/object/${path}`, body)
  const json = (await response.json()) as Record<string, unknown>
  return { status: response.status, data: (json['data'] ?? json) as Record<string, unknown> }
}

/** Connects until what is met holds: other workers hear of a change a moment later. */
async function eventually(
  connect: () => Promise<Conversation>,
  holds: (c: Conversation) => boolean | Promise<boolean>,
): Promise<void> {
  const guard = AbortSignal.timeout(120_000)
  for (let inARow = 0; inARow < 6;) {
    assert.ok(!guard.aborted, 'it never came to hold')
    const c = await connect().catch(() => undefined)
    inARow = c !== undefined && (await holds(c)) ? inARow + 1 : 0
    c?.destroy()
    if (c === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

for (const workers of [1, 2]) {
  test(`listeners, certificates and texts change at once and stay, ${workers} workers`, async () => {
    await using server = await startServer({ workers })
    const { directory, adminPassword } = server
    await using free = await freePorts(1)
    const [port = 0] = free.ports
    const bind = [`127.0.0.1:${port}`]
    const created = await call(server, 'POST', 'NetworkListener', { name: 'mine', bind, protocol: 'smtp' })
    assert.equal(created.status, 201, JSON.stringify(created.data))
    await eventually(
      () => server.connect(port),
      async (c) => (await c.line()).startsWith('220 '),
    )
    const certificate = { certificate: testCertificate('server-chain'), privateKey: testKey('server') }
    const added = await call(server, 'POST', 'Certificate', { name: 'real', ...certificate })
    assert.equal(added.data['issuer'], 'CN=Test intermediate')
    assert.deepEqual(added.data['subjectAlternativeNames'], ['mail.example.com', '*.example.com'])
    assert.equal(added.data['privateKey'], '[secret]')
    await eventually(
      () => server.connect(server.imapsPort, { tls: true }),
      (c) => (c.stream as TLSSocket).getPeerX509Certificate()!.issuer === 'CN=Test intermediate',
    )
    const greeted = await call(server, 'PATCH', 'MtaStageConnect', { smtpGreeting: 'by the API' })
    assert.equal(greeted.status, 200)
    await eventually(
      () => server.connect(server.smtpPort),
      async (c) => (await c.line()).endsWith('by the API'),
    )
    const wrong = await call(server, 'PATCH', 'Certificate/real', { privateKey: testKey('client') })
    assert.equal(wrong.status, 400)
    assert.match(JSON.stringify(wrong.data), /privateKey.*is not the key of the certificate/)
    const ofFile = await call(server, 'PATCH', 'NetworkListener/imaps', { protocol: 'smtp' })
    assert.match(JSON.stringify(ofFile.data), /is set in server\.toml:\d+ and can only be changed there/)

    await server.process.stop()
    await using again = await startServer({ workers, directory })
    assert.equal(again.adminPassword, undefined)
    await eventually(
      () => again.connect(port),
      async (c) => (await c.line()).endsWith('by the API'),
    )
    await using imaps = await again.connect(again.imapsPort, { tls: true })
    assert.equal((imaps.stream as TLSSocket).getPeerX509Certificate()!.issuer, 'CN=Test intermediate')
    assert.ok(!again.process.output.includes(adminPassword!))
  })
}

test('the environment is above the file, and says so', async () => {
  process.env['POSTERN_MTASTAGECONNECT_SMTPGREETING'] = 'by the environment'
  try {
    await using server = await startServer({ config: '[session.connect]\ngreeting = "by the file"\n' })
    await using c = await server.connect(server.smtpPort)
    assert.match(await c.line(), /by the environment$/)
    const { data } = await call(server, 'GET', 'MtaStageConnect')
    assert.deepEqual(data['origins'], { smtpGreeting: 'environment' })
  } finally {
    delete process.env['POSTERN_MTASTAGECONNECT_SMTPGREETING']
  }
})
