import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { freePorts } from './free-ports.ts'

test('ports differ between all who hold some, and can be opened', async () => {
  await using one = await freePorts(8)
  await using two = await freePorts(19)
  const ports = [...one.ports, ...two.ports]
  assert.equal(new Set(ports).size, 27)
  const servers = ports.map((port) => createServer().listen(port, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
})

test('no port is one that the kernel gives to clients', async () => {
  await using free = await freePorts(19)
  assert.ok(free.ports.every((port) => port > 1024 && port < 32_768))
})
