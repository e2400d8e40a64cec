/**
 * Wrong input for every operation there is, made of the declarations: 400 or 413 with a pointer to what is
 * wrong, never 500, and no row is another afterwards.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSelfSigned } from '#cert/self-signed.ts'
import { addCounted, type CountedDomain } from '#report/pending.ts'
import type { Fields } from '#settings/values.ts'
import { makeApi } from './fixture.test.ts'
import type { ApiRoute } from './route.ts'
import { wrongValues } from './wrong-values.test.ts'

type Example = Readonly<Record<string, unknown>>

const pair = createSelfSigned(['mail.example.org'], 1_700_000_000_000)

/** One of each kind that can be created; a test fails where a new kind has none. */
const examples: Readonly<Record<string, Example>> = {
  Domain: { name: 'example.org' },
  Account: { name: 'alice@example.org', secret: 'correct horse' },
  MailingList: { name: 'all@example.org', recipients: ['alice@example.org'] },
  Role: { name: 'helpdesk', enabledPermissions: ['sysAccountGet'] },
  NetworkListener: { name: 'mine', bind: ['127.0.0.1:0'] },
  AcmeProvider: { name: 'mine' },
  Tracer: { name: 'mine' },
  MtaDeliverySchedule: { name: 'mine' },
  MtaRoute: { name: 'mine', address: 'relay.example.net' },
  MtaVirtualQueue: { name: 'mine' },
  DkimSignature: { domain: 'example.org', selector: 's1' },
  Certificate: { name: 'mine', certificate: pair.certificate, privateKey: pair.key },
  ApiKey: {},
  AppPassword: {},
}

/** What nobody creates over the API. */
const waitingReport: CountedDomain = {
  period: { begin: 0, end: 86_400_000 },
  reported: {
    domain: 'example.net',
    policy: { domain: 'example.net', p: 'none' },
    rua: [],
    errors: [],
  },
  records: [],
}

async function withEverything() {
  const api = await makeApi()
  const authorization = api.basic('alice@example.org', 'correct horse')
  const send = async (method: string, path: string, body?: string | Buffer, o: { own?: boolean } = {}) => {
    const headers = { authorization: o.own === true ? authorization : api.asAdmin }
    const length = { ...headers, 'content-length': String(Buffer.byteLength(body ?? '')) }
    const response = await api.ask(
      path,
      body === undefined ? { method, headers } : { method, headers: length, body },
    )
    return { status: response.status, text: await response.text() }
  }
  const keys = new Map<string, string>()
  for (const [name, example] of Object.entries(examples)) {
    const own = api.management.object(name).ofAccount === true
    const { status, text } = await send('POST', `/api/object/${name}`, JSON.stringify(example), { own })
    assert.equal(status, 201, `${name}: ${text}`)
    keys.set(name, (JSON.parse(text) as { data: { id: string } }).data.id)
  }
  await api.db.write([], (tx) => addCounted(tx, [waitingReport]))
  keys.set('DmarcInternalReport', 'example.net%3A0')
  // Signing in leaves when it was: once, since the clock stands.
  await send('GET', '/api/account', undefined, { own: true })
  await api.signIn.settled()
  const pathOf = ({ path, tag }: ApiRoute): string =>
    path
      .replace(':key', path.startsWith('/api/principal') ? 'alice@example.org' : (keys.get(tag) ?? 'x'))
      .replace(/:\w+/, 'x')
  /** What is one's own is tried as somebody who has it. */
  const isOwn = ({ path, tag }: ApiRoute): boolean =>
    path === '/api/account' ||
    path.startsWith('/api/account/') ||
    (tag in examples && api.management.object(tag).ofAccount === true)
  return { ...api, send, pathOf, isOwn, keys }
}

interface Refused {
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

const expectRefused = (
  what: string,
  answer: { status: number; text: string },
  pointer?: string,
  statuses: readonly number[] = [400],
): void => {
  const said = `${what}: ${answer.status} ${answer.text.slice(0, 400)}`
  assert.ok(statuses.includes(answer.status), said)
  if (pointer === undefined) return
  const { errors = [] } = JSON.parse(answer.text) as Refused
  assert.ok(
    errors.some((error) => error.pointer === pointer && error.detail.length > 0),
    `${said}\nwithout ${pointer}`,
  )
}

const bodies: readonly (readonly [string, string | Buffer, (readonly number[])?])[] = [
  ['nothing', ''],
  ['no JSON', '{'],
  ['null', 'null'],
  ['a number', '5'],
  ['a text', '"alice"'],
  ['true', 'true'],
  ['invalid UTF-8', Buffer.from('{"name":"\xff\xfe"}', 'latin1')],
  ['a name twice', '{"name":"a","name":"b"}'],
  ['a name twice, deep inside', '[{"a":{"b":1,"b":2}}]'],
  ['deep nesting', '{"name":'.repeat(200) + '1' + '}'.repeat(200)],
  ['lists in lists', '['.repeat(200) + ']'.repeat(200)],
  ['too large', `{"name":"${'x'.repeat(1_100_000)}"}`, [413]],
  ['__proto__', '{"__proto__":{"isAdmin":true}}'],
  ['constructor', '{"constructor":{"prototype":{"isAdmin":true}}}'],
  ['toString', '{"toString":"x"}'],
  ['many unknown', JSON.stringify(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, i])))],
]

test('whatever stands in a body, every operation refuses what is wrong and changes nothing', async () => {
  const api = await withEverything()
  const before = await api.dump()
  let tried = 0
  for (const route of api.routes.filter(({ body }) => body !== undefined)) {
    for (const [what, body, statuses] of bodies) {
      const answer = await api.send(route.method, api.pathOf(route), body, { own: api.isOwn(route) })
      expectRefused(`${route.method} ${route.path} ${what}`, answer, undefined, statuses)
      tried++
    }
  }
  assert.ok(tried > 500)
  assert.deepEqual(await api.dump(), before)
  assert.deepEqual(api.crashes, [])
  assert.equal(({} as Record<string, unknown>)['isAdmin'], undefined)
})

test('every field of every object refuses what is wrong, by its pointer, and changes nothing', async () => {
  const api = await withEverything()
  const before = await api.dump()
  let tried = 0
  const attempt = async (
    what: string,
    path: string,
    method: string,
    own: boolean,
    o: { body: Example; pointer: string },
  ) => {
    expectRefused(what, await api.send(method, path, JSON.stringify(o.body), { own }), o.pointer)
    tried++
  }
  for (const object of api.management.objects) {
    const { name, kind, fields, ofAccount } = object
    const verbs = api.management.verbsOf(name)
    assert.ok(kind !== 'collection' || name in examples, `an example of ${name} is missing`)
    const own = ofAccount === true
    const path = `/api/object/${name}`
    const one = kind === 'singleton' ? path : `${path}/${api.keys.get(name)}`
    const proof = name === 'AccountPassword' ? { currentSecret: 'correct horse' } : {}
    for (const [field, declared] of Object.entries(fields)) {
      const pointer = `#/${field}`
      const isFixed = declared.settable !== undefined
      const values = declared.settable === 'never' ? [] : wrongValues(declared)
      for (const { what, value, below } of values) {
        const said = `${name}.${field}: ${what}`
        const body = { ...examples[name], [field]: value }
        if (verbs.includes('create'))
          await attempt(said, path, 'POST', own, { body, pointer: pointer + below })
        if (verbs.includes('update') && !isFixed)
          await attempt(said, one, 'PATCH', own, {
            body: { ...proof, [field]: value },
            pointer: pointer + below,
          })
      }
      const set = { [field]: null }
      if (declared.settable === 'never' && verbs.includes('create'))
        await attempt(`${name}.${field}: set`, path, 'POST', own, {
          body: { ...examples[name], ...set },
          pointer,
        })
      if (isFixed && verbs.includes('update'))
        await attempt(`${name}.${field}: changed`, one, 'PATCH', own, { body: set, pointer })
    }
  }
  assert.ok(tried > 1000, String(tried))
  assert.deepEqual(await api.dump(), before)
  assert.deepEqual(api.crashes, [])
})

const classicWrong: readonly [string, unknown][] = [
  ['name', 5],
  ['name', ''],
  ['name', 'x'.repeat(70_000)],
  ['name', { a: 1 }],
  ['description', 5],
  ['description', 'x'.repeat(1001)],
  ['description', 'two\nlines'],
  ['quota', -1],
  ['quota', 'lots'],
  ['quota', 1e300],
  ['quota', {}],
  ['secrets', 5],
  ['secrets', ['a', 'b']],
  ['secrets', 'short'],
  ['secrets', '$9$unknown$hash'],
  ['emails', 5],
  ['emails', ['x y']],
  ['emails', [{}]],
  ['emails', Array.from({ length: 600 }, (_, i) => `b${i}@example.org`)],
  ['memberOf', 5],
  ['memberOf', ['nobody@example.org']],
  ['roles', 5],
  ['roles', ['no such role']],
  ['lists', ['no such list']],
  ['lists', [5]],
  ['members', ['alice@example.org']],
  ['externalMembers', ['x@example.net']],
  ['enabledPermissions', ['fly']],
  ['enabledPermissions', 5],
  ['disabledPermissions', [null, {}]],
  ['urls', ['http://x']],
  ['colour', 'red'],
  ['toString', 'x'],
]

test('every classic field refuses what is wrong, created or changed', async () => {
  const api = await withEverything()
  const before = await api.dump()
  for (const [field, value] of classicWrong) {
    const created = { type: 'individual', name: 'bob@example.org', [field]: value }
    const answer = await api.send('POST', '/api/principal', JSON.stringify(created))
    const said = `${field} ${JSON.stringify(value).slice(0, 60)}`
    expectRefused(`POST ${said}`, answer)
    assert.match(answer.text, new RegExp(`"pointer":"#/${field}(?:/\\d+)?"`), said)
    const operations = JSON.stringify([{ action: 'set', field, value }])
    const changed = await api.send('PATCH', '/api/principal/alice@example.org', operations)
    expectRefused(`PATCH ${said}`, changed)
    assert.match(changed.text, /"pointer":"#\/0\/(?:value(?:\/\d+)?|field)"/, `${said} ${changed.text}`)
  }
  assert.deepEqual(await api.dump(), before)
  assert.deepEqual(api.crashes, [])
})

test('query parameters that are wrong or not known are named, by every operation', async () => {
  const api = await withEverything()
  const before = await api.dump()
  const wrongIn = (fields: Fields): readonly [string, string][] =>
    Object.entries(fields).flatMap(([name, field]): [string, string][] => {
      if (field.kind === 'integer')
        return [
          [name, 'x'],
          [name, '0'],
          [name, '99999999'],
        ]
      if (field.kind === 'boolean' || field.kind === 'enum') return [[name, 'perhaps']]
      return field.kind === 'text' ? [[name, 'x'.repeat((field.longest ?? 0) + 1)]] : []
    })
  for (const route of api.routes) {
    for (const [name, value] of [
      ...wrongIn(route.query ?? {}),
      ['nothing', '1'],
      ['__proto__', '1'],
      ['constructor', '1'],
    ] as const) {
      const path = `${api.pathOf(route)}?${name}=${value}`
      const answer = await api.send(route.method, path, route.body === undefined ? undefined : '{}', {
        own: api.isOwn(route),
      })
      expectRefused(`${route.method} ${path.slice(0, 100)}`, answer, `#/${name}`)
    }
  }
  assert.deepEqual(await api.dump(), before)
  assert.deepEqual(api.crashes, [])
})

test('keys from anywhere are not found, whatever they look like', async () => {
  const api = await withEverything()
  const before = await api.dump()
  const keys = [
    '0',
    '-1',
    '99999999999',
    '4294967296',
    '__proto__',
    'constructor',
    'a\0b',
    '../x',
    'x'.repeat(3000),
    'ü',
    '\u{1f600}',
  ]
  for (const route of api.routes.filter(({ path, method }) => path.includes(':') && method !== 'POST')) {
    for (const key of keys) {
      const path = route.path.replace(/:\w+/, encodeURIComponent(key))
      const body =
        route.body === undefined
          ? undefined
          : route.path.startsWith('/api/principal')
            ? '[{"action":"set","field":"description","value":""}]'
            : '{}'
      const answer = await api.send(route.method, path, body, { own: api.isOwn(route) })
      expectRefused(`${route.method} ${path.slice(0, 100)}`, answer, undefined, [404])
    }
  }
  assert.deepEqual(await api.dump(), before)
  assert.deepEqual(api.crashes, [])
})
