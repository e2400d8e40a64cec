/**
 * Blob/copy (RFC 8620 §6.3): blobs of one account become uploads of another, without a way over the client. What is
 * stored as it is is not even copied.
 */
import { isFault } from '#base/fault.ts'
import type { OpenAccount } from '../accounts.ts'
import { openBlobId } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import { MethodError, setErrorOf, SetFault } from '../errors.ts'
import { accountField, type Call, method } from '../method.ts'
import { ReadBudget } from '../read-budget.ts'
import { jmapSettings } from '../settings.ts'
import { keep, stageUpload } from '../upload.ts'
import { id, type JsonObject, listOf, wantedId } from '../value.ts'

export const blobCopy = method({
  name: 'Blob/copy',
  using: 'urn:ietf:params:jmap:core',
  standard: 'RFC 8620 §6.3',
  permission: 'jmapBlobCopy',
  arguments: { ...accountField, fromAccountId: id, blobIds: listOf(wantedId) },
  required: ['accountId', 'fromAccountId', 'blobIds'],
  async call(call, { accountId, fromAccountId, blobIds }) {
    const from = await openFrom(call, fromAccountId!)
    const to = await call.account(accountId!)
    if (from.id === to.id)
      throw new MethodError('invalidArguments', 'The accounts must not be the same.', {
        arguments: ['fromAccountId'],
      })
    const most = call.services.settings.get(jmapSettings).setMaxObjects
    if (blobIds!.length > most)
      throw new MethodError('requestTooLarge', `At most ${most} blobs can be copied in one call.`)
    const budget = new ReadBudget(call.services)
    const copied = new Map<string, string>()
    const notCopied = new Map<string, JsonObject>()
    for (const blobId of new Set(blobIds)) {
      call.signal.throwIfAborted()
      try {
        copied.set(blobId, await copy(call, { from, to }, blobId, budget))
      } catch (error) {
        if (!isFault(error)) throw error
        notCopied.set(blobId, setErrorOf(error))
      }
    }
    return [
      {
        arguments: {
          fromAccountId: from.text,
          accountId: to.text,
          copied: copied.size === 0 ? null : objectOf(copied),
          notCopied: notCopied.size === 0 ? null : objectOf(notCopied),
        },
      },
    ]
  },
})

async function openFrom(call: Call, accountId: string): Promise<OpenAccount> {
  try {
    return await call.account(accountId)
  } catch (error) {
    if (error instanceof MethodError && error.type === 'accountNotFound')
      throw new MethodError('fromAccountNotFound')
    throw error
  }
}

/** The id in the other account. Throws a SetFault or another Fault. */
async function copy(
  call: Call,
  { from, to }: { readonly from: OpenAccount; readonly to: OpenAccount },
  blobId: string,
  budget: ReadBudget,
): Promise<string> {
  const content = await openBlobId(call.services, from, call.resolve(blobId) ?? blobId, budget)
  if (content === undefined) throw new SetFault('notFound')
  const { stored, sizeBytes } = content
  const { services } = call
  const { maxUploadSize } = services.settings.get(jmapSettings)
  if (stored !== undefined && sizeBytes !== undefined && sizeBytes <= maxUploadSize)
    return keep(services, to, { stored, sizeBytes })
  const made = await stageUpload(services, to, content.read(), maxUploadSize)
  budget.spend(made.sizeBytes)
  return made.blobId
}
