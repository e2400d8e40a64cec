/** Identity/set (RFC 8621 §6.3). */
import { isDeepStrictEqual } from 'node:util'
import { createIdentity, destroyIdentity, type Identity, updateIdentity } from '#mail/submission/identity.ts'
import { identityObjectId, objectNumber } from '#mail/object-id.ts'
import type { IdentityId } from '#queue/submission-rows.ts'
import type { OpenAccount } from '../accounts.ts'
import { invalidProperties, SetFault } from '../errors.ts'
import { identityDefaults, identityObject, readIdentityObject } from '../identity-object.ts'
import type { Call } from '../method.ts'
import { applyPatch } from '../patch.ts'
import { assertSends } from '../sending-account.ts'
import { notFound, type SetRequest, standardSet } from '../standard-set.ts'
import type { JsonObject } from '../value.ts'

/** RFC 8620 §5.3: what the server sets, or never changes, may be given as it is. */
const fixed = ['id', 'email', 'mayDelete'] as const

export const identitySet = standardSet({
  type: 'Identity',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §6.3',
  permission: 'jmapIdentitySet',
  prepare: forbiddenAddresses,
  begin({ tx, account, prepared }) {
    const numberOf = (id: string): IdentityId => {
      const number = objectNumber('I', id, account.idPrefix)
      if (number === undefined) throw notFound()
      return number as IdentityId
    }
    return {
      async create(object) {
        const row = readIdentityObject(object)
        if (prepared.has(row.email)) throw new SetFault('forbiddenFrom', 'You may not send as this address.')
        const id = await createIdentity(tx, account.id, row)
        const omitted = Object.entries({ ...identityDefaults, mayDelete: true } as JsonObject).filter(
          ([name]) => !Object.hasOwn(object, name),
        )
        return { id: identityObjectId(id, account.idPrefix), set: Object.fromEntries(omitted) }
      },
      async update(id, patch) {
        await updateIdentity(tx, account.id, numberOf(id), (before) => patched(account, before, patch))
        return null
      },
      destroy: (id) => destroyIdentity(tx, account.id, numberOf(id)),
    }
  },
})

/** RFC 8621 §6.3: forbiddenFrom. */
async function forbiddenAddresses(
  { services }: Call,
  account: OpenAccount,
  { create }: SetRequest,
): Promise<ReadonlySet<string>> {
  assertSends(account)
  await services.submitter.followAddresses(account.id)
  const forbidden = new Set<string>()
  for (const { email } of create.values())
    if (typeof email === 'string' && !(await services.submitter.maySendAs(account.id, email)))
      forbidden.add(email)
  return forbidden
}

function patched(account: OpenAccount, before: Identity, patch: JsonObject) {
  const shown = identityObject(account, before)
  const after = applyPatch(shown, patch, identityDefaults)
  const changed = fixed.filter((name) => !isDeepStrictEqual(after[name], shown[name]))
  if (changed.length > 0)
    throw invalidProperties(changed.map((property) => ({ property, problem: 'cannot be changed' })))
  const { id: _id, mayDelete: _mayDelete, ...rest } = after
  return { ...readIdentityObject(rest), ...(before.isGiven === true ? { isGiven: true as const } : {}) }
}
