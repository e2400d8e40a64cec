/** What answers may be no server of ours, or one that means harm: every command ends, and says something sensible. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { runLine } from './fixture.test.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Answers that it lives, and all else as it is told. */
async function hostile(t: TestContext, answer: Answer) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (request.url === '/healthz/live') response.end('live\n')
    else answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const postern = (line: string) =>
    runLine(`--url ${url} --data /nowhere ${line}`, { env: { POSTERN_PASSWORD: 'hunter2hunter2' } })
  return { asked, postern, url }
}

const json =
  (body: unknown, status = 200): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

const account = {
  name: 'Account',
  kind: 'collection',
  fields: { name: { kind: 'text' } },
  filters: {},
  may: [],
}

const lines = [
  'status',
  'describe Account',
  'account list',
  'account show a@example.org',
  'account explain a@example.org',
  'update Account a@example.org name=b@example.org',
  'snapshot',
  'audit',
  'troubleshoot dmarc --ip 192.0.2.1 --ehlo x',
]

test('answers of a wrong form end every command with 1 and a hint', async (t) => {
  const answers: readonly [string, Answer][] = [
    ['no JSON', (_request, response) => response.end('<html>welcome</html>')],
    ['nothing', (_request, response) => response.end()],
    ['null', json(null)],
    ['a number', json(5)],
    ['no data', json({})],
    ['data that is a text', json({ data: 'x' })],
    ['data that is a list of nothing', json({ data: [null] })],
    ['fields that are no fields', json({ data: [{ name: 'Account', fields: { name: 5 } }] })],
    ['a page of texts', json({ data: { items: ['x'], total: 1 } })],
    ['a problem without words', json({}, 400)],
    ['a problem of another form', json({ detail: 5, errors: { a: 1 } }, 400)],
    ['a crash', json({ detail: 'Internal Server Error', requestId: 'abc' }, 500)],
    ['it hangs up', (request) => request.socket.destroy()],
    [
      'half of it',
      (request, response) => {
        response.writeHead(200, { 'content-length': '99' }).write('{', () => request.socket.end())
      },
    ],
  ]
  for (const [what, answer] of answers) {
    const { postern } = await hostile(t, answer)
    for (const line of lines) {
      const { code, out, err } = await postern(line)
      assert.equal(code, 1, `${what}: ${line}: ${out}${err}`)
      assert.match(err, /^postern: \S/, `${what}: ${line}`)
      assert.ok(!/undefined|TypeError|\[object|hunter2/.test(`${out}${err}`), `${what}: ${line}: ${err}`)
    }
  }
})

test('an answer without end is left', async (t) => {
  const block = Buffer.alloc(1 << 20, ' ')
  const { postern } = await hostile(t, (_request, response) => {
    const more = (): void => {
      if (!response.destroyed) response.write(block, more)
    }
    more()
  })
  assert.match((await postern('status')).err, /sends more than any answer could be/)
})

test('a list without end is left', async (t) => {
  const items = Array.from({ length: 1000 }, (_, i) => ({ id: String(i), name: 'x' }))
  const page = JSON.stringify({ data: { items, total: 1e12 } })
  const { postern } = await hostile(t, (request, response) => {
    if (request.url === '/api/object') json({ data: [account] })(request, response)
    else response.end(page)
  })
  assert.match((await postern('account list')).err, /lists more than any server has/)
})

test('nobody is led elsewhere with the password', async (t) => {
  const other = await hostile(t, json({ data: [] }))
  const { postern } = await hostile(t, (_request, response) =>
    response.writeHead(307, { location: `${other.url}/api/status` }).end(),
  )
  for (const line of lines) {
    const { code, err } = await postern(line)
    assert.equal(code, 1)
    assert.match(err, /does not answer as a Postern server does \(HTTP 307\)/)
  }
  assert.deepEqual(other.asked, [])
})

test('what comes from a server steers no terminal and no path', async (t) => {
  const nasty = '\u001b]0;owned\u0007\u009b31m\u202eevil\n../..'
  const described = { ...account, help: nasty, title: nasty, may: [nasty] }
  const one = { id: '../../status', revision: 'abc', name: nasty, description: nasty }
  const { postern, asked } = await hostile(t, (request, response) => {
    if (request.url === '/api/object') json({ data: [described] })(request, response)
    else if (request.url?.includes('?')) json({ data: { items: [one], total: 1 } })(request, response)
    else if (request.method === 'GET') json({ data: one })(request, response)
    else json({ detail: nasty, errors: [{ pointer: `#/${nasty}`, detail: nasty }] }, 400)(request, response)
  })
  for (const line of [
    'describe',
    'describe Account',
    'account list',
    'account show x',
    'update Account x name=y',
    'delete Account x --yes',
  ]) {
    const { out, err } = await postern(line)
    assert.ok(!/[\u0007\u001b\u009b\u202e]/.test(`${out}${err}`), JSON.stringify(`${line}: ${out}${err}`))
  }
  assert.ok(asked.includes('DELETE /api/object/Account/..%2F..%2Fstatus'))
})
