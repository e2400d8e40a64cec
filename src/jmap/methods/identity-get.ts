/** Identity/get (RFC 8621 §6.1). */
import { listIdentities } from '#mail/submission/identity.ts'
import { objectNumber } from '#mail/object-id.ts'
import { identityObject, identityProperties } from '../identity-object.ts'
import { assertSends } from '../sending-account.ts'
import { standardGet } from '../standard-get.ts'
import { chosen } from '../value.ts'

export const identityGet = standardGet({
  type: 'Identity',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §6.1',
  permission: 'jmapIdentityGet',
  properties: identityProperties,
  async read({ services }, account, { ids, properties }) {
    assertSends(account)
    await services.submitter.followAddresses(account.id)
    const { state, identities } = await services.db.read(async (tx) => ({
      state: await services.states.read(tx, account.id, 'Identity'),
      identities: await listIdentities(tx, account.id),
    }))
    const wanted = ids && new Set(ids.map((text) => objectNumber('I', text, account.idPrefix)))
    const list = identities
      .filter(({ id }) => wanted === null || wanted.has(id))
      .map((identity) => chosen(identityObject(account, identity), properties))
    return { state: account.stateOf(state), list }
  },
})
