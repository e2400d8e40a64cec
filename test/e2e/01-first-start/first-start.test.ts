/** First start, second start, two at once: what the administrator sees and what stays. */
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { basicAuth, readAdminPassword, ServerProcess, startServer } from '../../harness/server.ts'
import { temporaryDirectory } from '../../harness/store.ts'

test('the first start says what listens where, the password, and what to do next, in 80 columns', async () => {
  await using server = await startServer()
  const banner = server.process.output.slice(0, server.process.output.indexOf('server.ready'))
  assert.ok(server.adminPassword !== undefined && server.adminPassword.length >= 16)
  for (const port of [
    server.smtpPort,
    server.submissionPort,
    server.imapPort,
    server.imapsPort,
    server.httpPort,
  ])
    assert.match(banner, new RegExp(` ${port} `))
  assert.match(banner, /postern\.js .*domain create example\.org\n/)
  assert.match(banner, /postern\.js .*account create alice@example\.org\n/)
  assert.match(banner, new RegExp(`http://127\\.0\\.0\\.1:${server.httpPort}/`))
  assert.ok(!banner.includes('\x1b'), 'no colours where it is not a terminal')
  const usual = banner.split('\n').filter((line) => !line.includes('--data'))
  assert.deepEqual(
    usual.slice(0, -1).filter((line) => line.length > 80),
    [],
  )
})

test('the password signs in, is kept as a hash only, and is not shown again', async () => {
  const directory = temporaryDirectory()
  try {
    let password: string
    {
      await using first = await startServer({ directory })
      password = first.adminPassword!
      assert.equal((await first.api('GET', '/api/status')).status, 200)
      const created = await first.api('POST', '/api/principal', { type: 'domain', name: 'example.org' })
      assert.equal(created.status, 200)
      assert.deepEqual(await first.process.stop(), { code: 0, signal: null })
    }
    await using second = await startServer({ directory })
    assert.equal(readAdminPassword(second.process.output), undefined)
    const response = await fetch(`http://127.0.0.1:${second.httpPort}/api/principal/example.org`, {
      headers: { authorization: basicAuth('admin', password), connection: 'close' },
    })
    assert.equal(response.status, 200)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('the certificate is made once, and files of the data directory are for their owner only', async () => {
  const directory = temporaryDirectory()
  try {
    const file = join(directory, 'data/certs/self-signed.pem')
    {
      await using first = await startServer({ directory })
      await first.process.stop()
    }
    const before = readFileSync(file)
    assert.equal(statSync(file).mode & 0o077, 0)
    assert.equal(statSync(join(directory, 'data')).mode & 0o077, 0)
    await using second = await startServer({ directory })
    assert.deepEqual(readFileSync(file), before)
    await using client = await second.connect(second.imapsPort, { tls: true })
    await client.expect('* OK ')
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('a second server on the same data directory says so and ends; the first goes on', async () => {
  await using first = await startServer()
  const config = join(first.directory, 'server.toml')
  await using second = new ServerProcess(['--config', config, '--data', join(first.directory, 'data')])
  assert.deepEqual(await second.exited, { code: 1, signal: null })
  assert.match(second.output, /^Another Postern is running on .*\/data\.\n.*--data DIR/)
  assert.ok(!second.output.includes('    at '), second.output)
  assert.equal((await first.api('GET', '/healthz/ready')).status, 200)
})

test('a port in use is named, with its listener and what to do', async () => {
  const directory = temporaryDirectory()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = other.address() as AddressInfo
    const config = await writeConfig(directory, `server.listener.mine.bind = "127.0.0.1:${port}"`)
    await using server = new ServerProcess(['--data', join(directory, 'data'), '--config', config])
    assert.deepEqual(await server.exited, { code: 1, signal: null })
    assert.match(
      server.output,
      new RegExp(`port ${port} on 127\\.0\\.0\\.1 for the listener "mine".*in`, 's'),
    )
    assert.match(server.output, /another program uses it/)
    assert.ok(!server.output.includes('    at '), server.output)
  } finally {
    other.close()
    await rm(directory, { recursive: true })
  }
})

test('wrong arguments are answered with the usage', async () => {
  await using server = new ServerProcess(['--dta', 'x'])
  assert.deepEqual(await server.exited, { code: 1, signal: null })
  assert.match(server.output, /--dta[^]*Usage: npm start/)
  await using help = new ServerProcess(['--help'])
  assert.deepEqual(await help.exited, { code: 0, signal: null })
  assert.match(help.output, /^Usage: npm start/)
  await using version = new ServerProcess(['--version'])
  await version.exited
  assert.match(version.output, /^Postern \d+\.\d+\.\d+\n$/)
})

async function writeConfig(directory: string, text: string): Promise<string> {
  const file = join(directory, 'server.toml')
  await writeFile(file, text)
  return file
}
