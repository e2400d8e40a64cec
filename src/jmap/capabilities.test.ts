/** What the session advertises has tests of its own, and every method refuses what is of a wrong type. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { capabilities } from './capabilities.ts'
import { managementCapability } from './capabilities/management.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { JmapTestServer } from './fixture.test.ts'
import { makeManaged } from './managed-fixture.test.ts'
import type { JsonObject } from './value.ts'

/** Of capabilities that bring no methods. */
const testsOf: Readonly<Record<string, string>> = {
  'urn:ietf:params:jmap:websocket': 'websocket.test.ts',
  'urn:ietf:params:jmap:mail:share': 'share-with.test.ts',
  'urn:ietf:params:jmap:principals:owner': 'shared-accounts.test.ts',
  'urn:ietf:params:jmap:webpush-vapid': 'vapid.test.ts',
  'urn:ietf:params:jmap:smimeverify': 'smime-filter.test.ts',
}

/** "Email/queryChanges": the test is `methods/email-query-changes.test.ts`. */
function testOf(method: string): string {
  const [type, verb] = method.split('/') as [string, string]
  const kebab = (text: string): string => text.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()
  return type.startsWith('x:') ? `management-${verb}.test.ts` : `${kebab(type)}-${kebab(verb)}.test.ts`
}

test('RFC 8620 §2: every capability of the session, and every method of it, has tests of its own', async () => {
  const { management } = await makeManaged()
  const server = await JmapTestServer.start()
  const session = (await (await server.fetch('/jmap/session')).json()) as JsonObject
  const urns = Object.keys(session['capabilities'] as object)
  const usable = capabilities.filter((one) => one.session !== undefined)
  assert.deepEqual(urns.sort(), usable.map(({ urn }) => urn).sort())
  for (const { urn, methods } of [...capabilities, managementCapability(management)]) {
    const own = testsOf[urn]
    assert.ok(methods.length > 0 || own !== undefined, `${urn} has no tests`)
    if (own !== undefined) assert.ok(existsSync(path.join(import.meta.dirname, own)), own)
    for (const { name } of methods) {
      const file = path.join(import.meta.dirname, 'methods', testOf(name))
      assert.ok(existsSync(file), `${name} has no test ${testOf(name)}`)
      const text = readFileSync(file, 'utf8')
      assert.ok(
        text.includes(name.startsWith('x:') ? 'x:' : `'${name}'`),
        `${testOf(name)} never calls ${name}`,
      )
    }
  }
})

test('RFC 8620 §3.6.2: an argument of a wrong type, missing or not known is refused, and nothing changes', async () => {
  const server = await JmapTestServer.start({ maxMethodCalls: 1000 })
  await server.deliver('Subject: x\n\nx\n')
  const before = await server.db.read((tx) => tx.sequence(account))
  let tried = 0
  for (const { methods } of capabilities) {
    for (const method of methods) {
      if (method.takesAnything === true) continue
      const refused = async (args: object, what: string): Promise<void> => {
        tried++
        const type = await server.error(method.name, args as Record<string, unknown>)
        assert.equal(type, 'invalidArguments', `${method.name}: ${what}`)
      }
      await refused({ noSuchArgument: 1 }, 'an argument that is not known')
      for (const [name, value] of Object.entries(method.arguments))
        for (const wrong of value.wrong) await refused({ [name]: wrong }, `${name}: ${JSON.stringify(wrong)}`)
      for (const name of method.required) await refused({ [name]: undefined }, `without ${name}`)
    }
  }
  assert.ok(tried > 20)
  assert.equal(await server.db.read((tx) => tx.sequence(account)), before)
})
