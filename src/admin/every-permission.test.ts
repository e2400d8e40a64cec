/**
 * Every operation of the API, as it is listed for the router: whoever has every right but those that it names is
 * refused, whatever is asked, and those rights alone are enough to be heard.
 *
 * Planted faults that turn it red: `addRoutes` does not ask; an operation asks for what its entry does not name.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allPermissions, type Permission } from '#account/permission.ts'
import { makeApi } from './fixture.test.ts'
import type { ApiRoute } from './route.ts'

const password = 'correct horse'

/** What is listed is shown, and what is changed is looked for. */
const withReading = (permissions: readonly Permission[]): readonly Permission[] =>
  permissions.flatMap((one) => {
    const verb = /(?:Query|Create|Update|Destroy)$/
    const reading = [one.replace(verb, 'Get'), one.replace(verb, 'Query')]
    return [one, ...allPermissions.filter((other) => reading.includes(other))]
  })

async function withPeople() {
  const api = await makeApi()
  await api.accounts.createDomain({ name: 'example.org' })
  let people = 0
  /** Asks as somebody new who has just these rights. */
  const askAs = async (rights: Iterable<Permission>, { method, path }: ApiRoute): Promise<number> => {
    const name = `u${people++}@example.org`
    await api.accounts.createAccount({
      name,
      password,
      permissions: { mode: 'replace', enabled: ['authenticate', ...rights], disabled: [] },
    })
    const init = { method, headers: { authorization: api.basic(name, password) } }
    const response = await api.ask(
      path.replaceAll(/:\w+/g, 'nobody'),
      method === 'GET' ? init : { ...init, body: '{}' },
    )
    await response.body?.cancel()
    return response.status
  }
  return { ...api, askAs }
}

test('without the permission no operation is possible', async () => {
  const { routes, askAs } = await withPeople()
  let refused = 0
  for (const route of routes) {
    if (route.permissions.length === 0) continue
    const others = allPermissions.filter((one) => !route.permissions.includes(one))
    assert.equal(await askAs(others, route), 403, `${route.method} ${route.path}`)
    refused++
  }
  assert.ok(refused > 100, `${refused} operations`)
})

test('the permissions that an operation names are enough to be heard', async () => {
  const { routes, askAs, crashes } = await withPeople()
  for (const route of routes) {
    const status = await askAs(withReading(route.permissions), route)
    assert.ok(![401, 403, 500].includes(status), `${route.method} ${route.path}: ${status}`)
  }
  assert.deepEqual(crashes, [])
})
