/**
 * Blob/lookup (RFC 9404 §4.3): the Emails, Threads and Mailboxes that a blob can be found in. Of a blob that is
 * there and not for the user, the answer is that of one that is not there.
 */
import { messageOfBlob, type ReadableMessage } from '#mail/client-blob.ts'
import { emailObjectId, mailboxObjectId, threadObjectId } from '#mail/object-id.ts'
import type { OpenAccount } from '../accounts.ts'
import { openBlobId, readBlobId } from '../blob-id.ts'
import { MethodError } from '../errors.ts'
import { accountField, type Call, method } from '../method.ts'
import { ReadBudget } from '../read-budget.ts'
import { jmapSettings } from '../settings.ts'
import { type JsonObject, listOf, string, wantedId } from '../value.ts'

interface LookupType {
  /** The capability that a request must use to hear of the type. */
  readonly using: string
  idsOf(account: OpenAccount, message: ReadableMessage): readonly string[]
}

const using = 'urn:ietf:params:jmap:mail'

export const lookupTypes: ReadonlyMap<string, LookupType> = new Map([
  [
    'Mailbox',
    {
      using,
      idsOf: ({ idPrefix }, { mailboxes }) => mailboxes.map((mailbox) => mailboxObjectId(mailbox, idPrefix)),
    },
  ],
  ['Thread', { using, idsOf: ({ idPrefix }, { row }) => [threadObjectId(row.thread, idPrefix)] }],
  ['Email', { using, idsOf: ({ idPrefix }, { id }) => [emailObjectId(id, idPrefix)] }],
])

export const blobLookup = method({
  name: 'Blob/lookup',
  using: 'urn:ietf:params:jmap:blob',
  standard: 'RFC 9404 §4.3',
  permission: 'jmapBlobLookup',
  arguments: { ...accountField, typeNames: listOf(string), ids: listOf(wantedId) },
  required: ['accountId', 'typeNames', 'ids'],
  async call(call, { accountId, typeNames, ids }) {
    const account = await call.account(accountId!)
    const most = call.services.settings.get(jmapSettings).getMaxResults
    if (ids!.length > most)
      throw new MethodError('requestTooLarge', `At most ${most} blobs can be looked up at once.`)
    const types = typesOf(call, typeNames!)
    const budget = new ReadBudget(call.services)
    const list: JsonObject[] = []
    const notFound = new Set<string>()
    for (const id of new Set(ids)) {
      call.signal.throwIfAborted()
      const blobId = call.resolve(id) ?? id
      const matchedIds = await matchesOf(call, account, blobId, { types, budget })
      if (matchedIds === undefined) notFound.add(id)
      else list.push({ id: blobId, matchedIds })
    }
    return [{ arguments: { accountId: account.text, list, notFound: [...notFound] } }]
  },
})

/** Throws MethodError `unknownDataType`, also where the request does not use the type's capability. */
function typesOf(call: Call, names: readonly string[]): ReadonlyMap<string, LookupType> {
  const types = new Map<string, LookupType>()
  for (const name of names) {
    const type = lookupTypes.get(name)
    if (type === undefined || !call.using.has(type.using))
      throw new MethodError('unknownDataType', `There is no type ${JSON.stringify(name.slice(0, 200))}.`)
    types.set(name, type)
  }
  return types
}

/** Undefined for what can be no id of a blob. */
async function matchesOf(
  { services }: Call,
  account: OpenAccount,
  blobId: string,
  { types, budget }: { readonly types: ReadonlyMap<string, LookupType>; readonly budget: ReadBudget },
): Promise<JsonObject | undefined> {
  const blob = readBlobId(blobId)
  if (blob === undefined) return undefined
  const message = await services.db.read((tx) => messageOfBlob(tx, account.id, account.who, blob))
  const isThere =
    message !== undefined &&
    (blob.parts.length === 0 || (await openBlobId(services, account, blobId, budget)) !== undefined)
  return Object.fromEntries(
    [...types].map(([name, type]) => [name, isThere ? type.idsOf(account, asJmapSees(message)) : []]),
  )
}

/** RFC 8621 §4.1.1: what IMAP has marked as deleted is not in its mailbox. */
function asJmapSees(message: ReadableMessage): ReadableMessage {
  const there = new Set(message.row.entries.filter(({ deleted }) => !deleted).map(({ mailbox }) => mailbox))
  return { ...message, mailboxes: message.mailboxes.filter((mailbox) => there.has(mailbox)) }
}
