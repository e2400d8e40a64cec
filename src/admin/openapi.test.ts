import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { makeApi } from './fixture.test.ts'

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
  readonly 'x-permissions'?: readonly string[]
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties: object }>> }
}

async function withDocument() {
  const api = await makeApi()
  const { status, body } = await api.call('GET', '/api/openapi.json')
  assert.equal(status, 200)
  return { ...api, document: body as Document }
}

/** Pages for people, which are no interface. */
const pages = new Set(['/', '/style.css'])

test('the document is OpenAPI 3.1, and all its references lead somewhere', async () => {
  const { document } = await withDocument()
  const validator = new Validator()
  const result = await validator.validate(structuredClone(document) as never)
  assert.deepEqual(result.errors ?? [], [])
  assert.equal(validator.version, '3.1')
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)
  for (const [, name] of references) assert.ok(name! in document.components.schemas, name)
})

test('every route of the router is in the document, and the other way round', async () => {
  const { document, router } = await withDocument()
  const ofRouter = router.routes
    .filter(({ method, path }) => method !== 'ALL' && !pages.has(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  const ofDocument = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.deepEqual(ofDocument.toSorted(), [...new Set(ofRouter)].toSorted())
  assert.equal(ofRouter.length, new Set(ofRouter).size, 'no route is there twice')
})

test('objects have the limits, words and marks of their declarations', async () => {
  const { document } = await withDocument()
  const of = (name: string) =>
    document.components.schemas[name] as unknown as {
      properties: Record<string, Record<string, unknown>>
      required?: string[]
    }
  assert.deepEqual(of('AccountNew').required, ['name'])
  const { type, secret, aliases, description } = of('AccountNew').properties
  assert.deepEqual(type?.['enum'], ['user', 'group'])
  assert.equal(secret?.['writeOnly'], true)
  assert.equal(aliases?.['maxItems'], 499)
  assert.equal(description?.['maxLength'], 1000)
  assert.equal(of('Account').properties['secret'], undefined)
  assert.equal(of('Account').properties['usedDiskQuota']?.['readOnly'], true)
  assert.equal(of('AccountPatch').properties['type'], undefined)
  assert.equal(of('AccountNew').properties['usedDiskQuota'], undefined)
  assert.equal(of('AuthenticationPatch').properties['passwordMinLength']?.['maximum'], 100)
  const create = document.paths['/api/object/Account']?.['post']
  assert.deepEqual(create?.['x-permissions'], ['sysAccountCreate'])
  assert.ok(create?.parameters?.some(({ name }) => name === 'dryRun'))
  assert.ok(create?.responses['201'] !== undefined)
})

test('the schema of objects has a hash that stands for it', async () => {
  const { ask, asAdmin } = await withDocument()
  const headers = { authorization: asAdmin }
  const schema = await ask('/api/schema', { headers })
  const { hash, $defs, objects } = (await schema.json()) as { hash: string; $defs: object; objects: object[] }
  assert.match(hash, /^[0-9a-f]{64}$/)
  assert.equal(schema.headers.get('etag'), `"${hash}"`)
  assert.ok('Domain' in $defs && objects.length > 10)
  const again = await ask(`/api/schema/${hash}`, { headers })
  assert.match(again.headers.get('cache-control')!, /immutable/)
  assert.equal((await ask(`/api/schema/${'0'.repeat(64)}`, { headers })).status, 404)
})

test('reading the configuration again: what came of it is told and in the audit log', async () => {
  const { call, state } = await withDocument()
  state.reload = { errors: [], changed: ['Imap'], warnings: ['odd'], restart: [] }
  for (const method of ['GET', 'POST'])
    assert.deepEqual(await call(method, '/api/reload'), { status: 200, body: { data: state.reload } })
  state.reload = { ...state.reload, errors: ['x.toml:1: wrong'] }
  const refused = await call('POST', '/api/reload')
  assert.equal(refused.status, 409)
  assert.match((refused.body as { detail: string }).detail, /x\.toml:1/)
  const { body } = await call('GET', '/api/object/AuditEntry?verb=action')
  const { items } = (body as { data: { items: { object: string; after: object }[] } }).data
  assert.equal(items.length, 3)
  assert.deepEqual([items[0]!.object, items[0]!.after], ['ReloadSettings', state.reload])
})
