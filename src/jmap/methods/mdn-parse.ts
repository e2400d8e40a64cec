/** MDN/parse (RFC 9007 §2.2): messages that are disposition notifications, as objects. */
import { findIdentified } from '#mail/find-identified.ts'
import { emailObjectId } from '#mail/object-id.ts'
import { messageId as identifierOf } from '#message/references.ts'
import type { OpenAccount } from '../accounts.ts'
import { openBlobId } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import { MethodError } from '../errors.ts'
import { mdnAccount, mdnCapability, mdnObject, type ReceivedMdn, readMdn } from '../mdn-object.ts'
import { accountField, type Call, method } from '../method.ts'
import { jmapSettings } from '../settings.ts'
import { type JsonObject, listOf, wantedId } from '../value.ts'

export const mdnParse = method({
  name: 'MDN/parse',
  using: mdnCapability,
  standard: 'RFC 9007 §2.2',
  permission: 'jmapMdnParse',
  arguments: { ...accountField, blobIds: listOf(wantedId) },
  required: ['accountId', 'blobIds'],
  async call(call, { accountId, blobIds }) {
    const account = await mdnAccount(call, accountId!)
    const most = call.services.settings.get(jmapSettings).parseLimitEmail
    const ids = new Set(blobIds)
    if (ids.size > most)
      throw new MethodError('requestTooLarge', `At most ${most} messages can be read in one call.`)
    const parsed = new Map<string, JsonObject>()
    const notParsable: string[] = []
    const notFound: string[] = []
    for (const id of ids) {
      call.signal.throwIfAborted()
      const content = await openBlobId(call.services, account, call.resolve(id) ?? id)
      const mdn = content && (await readMdn(content))
      if (content === undefined) notFound.push(id)
      else if (mdn === undefined) notParsable.push(id)
      else parsed.set(id, mdnObject(mdn, await forEmailId(call, account, mdn)))
    }
    const orNull = (list: readonly string[]): readonly string[] | null => (list.length === 0 ? null : list)
    return [
      {
        arguments: {
          accountId: account.text,
          parsed: parsed.size === 0 ? null : objectOf(parsed),
          notParsable: orNull(notParsable),
          notFound: orNull(notFound),
        },
      },
    ]
  },
})

async function forEmailId(
  { services }: Call,
  account: OpenAccount,
  { fields, original }: ReceivedMdn,
): Promise<string | null> {
  const messageId = identifierOf(fields.originalMessageId ?? '')
  if (messageId === undefined || original === undefined) return null
  const { baseSubject } = original
  const id = await services.db.read((tx) =>
    findIdentified(tx, account.id, account.who, { messageId, baseSubject }),
  )
  return id === undefined ? null : emailObjectId(id, account.idPrefix)
}
