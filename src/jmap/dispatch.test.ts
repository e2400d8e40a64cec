/** Method calls and what goes from one to the next. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountId, JmapTestServer } from './fixture.test.ts'

test('RFC 8620 §4: Core/echo gives back what it got, in the order of the calls, with their ids', async () => {
  const server = await JmapTestServer.start()
  const args = { hello: true, high: [5, null], '#notAReference': 'x' }
  const { answers } = await server.request([
    ['Core/echo', { hello: true, high: [5, null] }, 'b3ff'],
    ['Core/echo', {}, 'a'],
    ['Core/echo', args, 'b3ff'],
  ])
  assert.deepEqual(answers.slice(0, 2), [
    ['Core/echo', { hello: true, high: [5, null] }, 'b3ff'],
    ['Core/echo', {}, 'a'],
  ])
  assert.equal(answers[2]![1]['type'], 'invalidResultReference')
})

test('RFC 8620 §3.6.2: a method that is not known, or whose capability is not used, is unknownMethod', async () => {
  const server = await JmapTestServer.start()
  const { answers } = await server.request(
    [
      ['Mailbox/get', { accountId, ids: null }, '1'],
      ['Foo/bar', {}, '2'],
      ['constructor', {}, '3'],
      ['Core/echo', {}, '4'],
    ],
    { using: ['urn:ietf:params:jmap:core'] },
  )
  assert.deepEqual(
    answers.map(([name, { type }]) => [name, type]),
    [
      ['error', 'unknownMethod'],
      ['error', 'unknownMethod'],
      ['error', 'unknownMethod'],
      ['Core/echo', undefined],
    ],
  )
})

test('RFC 8620 §3.6.2: accounts that are not there, or not to be seen, are accountNotFound', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'bill@example.org')
  for (const one of ['A8', 'A99', 'x', 'A07', 'A-1', 'B7'])
    assert.equal(await server.error('Mailbox/get', { accountId: one, ids: null }), 'accountNotFound', one)
  for (const one of [null, 5, {}, [], '', 'a b', 'x'.repeat(300)])
    assert.equal(await server.error('Mailbox/get', { accountId: one, ids: null }), 'invalidArguments')
})

test('RFC 8620 §3.7: arguments are taken from earlier results, through lists too', async () => {
  const server = await JmapTestServer.start({ maxMethodCalls: 100 })
  const source = { list: [{ ids: ['a', 'b'] }, { ids: ['c'] }], 'a/b~c': { 0: 'd' } }
  const path = (text: string): object => ({ '#got': { resultOf: 's', name: 'Core/echo', path: text } })
  const paths: [string, unknown][] = [
    ['', source],
    ['/list/0/ids', ['a', 'b']],
    ['/list/*/ids', ['a', 'b', 'c']],
    ['/list/*/ids/0', ['a', 'c']],
    ['/list/1/ids/*', ['c']],
    ['/a~1b~0c/0', 'd'],
  ]
  const bad = [
    'list',
    '/list/2',
    '/list/00',
    '/list/-',
    '/list/-1',
    '/none',
    '/list/*/none',
    '/list/0/ids/*/x',
    '/__proto__',
  ]
  const calls = [...paths.map(([one]) => one), ...bad].map((one): [string, object, string] => [
    'Core/echo',
    path(one),
    'r',
  ])
  const { answers } = await server.request([['Core/echo', source, 's'], ...calls])
  for (const [i, [, expected]] of paths.entries()) assert.deepEqual(answers[i + 1]![1], { got: expected })
  for (const [i, one] of bad.entries())
    assert.equal(answers[paths.length + 1 + i]![1]['type'], 'invalidResultReference', one)
})

test('RFC 8620 §3.7: references to later calls, other names and both forms of an argument are refused', async () => {
  const server = await JmapTestServer.start()
  const to = (o: object): object => ({ '#a': { resultOf: '1', name: 'Core/echo', path: '/x', ...o } })
  const { answers } = await server.request([
    ['Core/echo', to({ resultOf: '6' }), '0'],
    ['Core/echo', { x: 1 }, '1'],
    ['Core/echo', to({ name: 'Foo/get' }), '2'],
    ['Core/echo', { ...to({}), a: 1 }, '3'],
    ['Core/echo', { '#a': 'x' }, '4'],
    ['Core/echo', to({ path: 5 }), '5'],
    ['Core/echo', { x: 1 }, '6'],
    ['Core/echo', to({}), '7'],
  ])
  const types = answers.map(([, { type }]) => type)
  const wrong = 'invalidResultReference'
  assert.deepEqual(types, [wrong, undefined, wrong, 'invalidArguments', wrong, wrong, undefined, undefined])
  assert.deepEqual(answers[7]![1], { a: 1 })
})

test('a path that would lead to millions of values is refused', async () => {
  const server = await JmapTestServer.start()
  let value: unknown = Array.from({ length: 12 }, () => 0)
  for (let depth = 0; depth < 4; depth++) value = Array.from({ length: 12 }, () => value)
  const { answers } = await server.request([
    ['Core/echo', { value }, 's'],
    ['Core/echo', { '#x': { resultOf: 's', name: 'Core/echo', path: `/value${'/*'.repeat(5)}` } }, 'r'],
  ])
  assert.equal(answers[1]![1]['type'], 'invalidResultReference')
})

// Turns red where what references stand for has no limit: each call then doubles the answer.
test('results that have the one before them twice end at what a request may hold', async () => {
  const server = await JmapTestServer.start({ maxRequestSize: 20_000 })
  const twice = (resultOf: string): object => ({
    '#x': { resultOf, name: 'Core/echo', path: '' },
    '#y': { resultOf, name: 'Core/echo', path: '' },
  })
  const calls = Array.from({ length: 12 }, (_, i) => ['Core/echo', twice(`c${i}`), `c${i + 1}`] as const)
  const { answers } = await server.request([['Core/echo', { a: 'x'.repeat(1000) }, 'c0'], ...calls])
  assert.deepEqual(
    answers.slice(0, 6).map(([name, { type }]) => type ?? name),
    ['Core/echo', 'Core/echo', 'Core/echo', 'Core/echo', 'requestTooLarge', 'invalidResultReference'],
  )
  assert.ok(JSON.stringify(answers).length < 50_000)
})

test('RFC 8620 §3.3: created ids that the client gives come back', async () => {
  const server = await JmapTestServer.start()
  const { body } = await server.request([], { more: { createdIds: { k: 'F1', constructor: 'x' } } })
  assert.deepEqual(body['createdIds'], { k: 'F1', constructor: 'x' })
  assert.ok(!('createdIds' in (await server.request([])).body))
})
