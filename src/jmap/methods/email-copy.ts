/** Email/copy (RFC 8621 §4.7, RFC 8620 §5.4): messages of one account become messages of another. */
import { type Fault, isFault } from '#base/fault.ts'
import type { MessageId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { copyEmail, mailboxesOf, readEmails } from '#mail/email.ts'
import type { MailLimits } from '#mail/limits.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { objectNumber } from '#mail/object-id.ts'
import { assertWritable, type OpenAccount } from '../accounts.ts'
import { type Arrival, bringIn, objectsToBringIn } from '../email/bring-in.ts'
import { readAbout } from '../email/create.ts'
import { type Metadata, Places } from '../email/metadata.ts'
import { invalidProperties, MethodError, methodErrorOf } from '../errors.ts'
import { accountField, type Call, method, type MethodResponse } from '../method.ts'
import { assertState, notFound } from '../standard-set.ts'
import { anything, boolean, id, type JsonObject, mapOf, nullable, string } from '../value.ts'
import { createdEmail, emailSet } from './email-set.ts'

export const emailCopy = method({
  name: 'Email/copy',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.7',
  permission: 'jmapEmailCopy',
  arguments: {
    ...accountField,
    fromAccountId: id,
    ifFromInState: nullable(string),
    ifInState: nullable(string),
    create: mapOf(string, anything),
    onSuccessDestroyOriginal: nullable(boolean),
    destroyFromIfInState: nullable(string),
  },
  required: ['accountId', 'fromAccountId', 'create'],
  async call(call, args) {
    const from = await openFrom(call, args.fromAccountId!)
    const to = await call.account(args.accountId!)
    assertWritable(to)
    if (from.id === to.id)
      throw new MethodError('invalidArguments', 'The accounts must not be the same.', {
        arguments: ['fromAccountId'],
      })
    const { states, limitsOf, clock } = call.services
    const limits = await limitsOf(to.id)
    const now = clock.now()
    const originals = new Map<string, string>()
    const objects = new Map<string, ((tx: WriteTx, places: Places) => Promise<Arrival>) | Fault>()
    for (const [creationId, object] of objectsToBringIn(call, args.create!, 'create')) {
      const copy = readCopy(object)
      if (!isFault(copy)) originals.set(creationId, call.resolve(copy.id) ?? copy.id)
      objects.set(
        creationId,
        isFault(copy)
          ? copy
          : (tx, places) =>
              copyOne({ tx, places, call, from, to, limits, now }, originals.get(creationId)!, copy.metadata),
      )
    }
    const check = async (tx: WriteTx): Promise<void> =>
      assertState(from, args.ifFromInState, await states.before(tx, from.id, 'Email'), tx.modseq(from.id))
    const { created, response } = await bringIn({ call, to, from, ifInState: args.ifInState, check, objects })
    const answer = { arguments: { fromAccountId: from.text, ...response } }
    if (args.onSuccessDestroyOriginal !== true || created.size === 0) return [answer]
    const destroy = [...new Set([...created.keys()].map((creationId) => originals.get(creationId)!))]
    return [answer, ...(await destroyOriginals(call, from, destroy, args.destroyFromIfInState ?? null))]
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

function readCopy(object: JsonObject): { readonly id: string; readonly metadata: Metadata } | Fault {
  try {
    const { metadata, problems } = readAbout(object, ['id'])
    const original = object['id']
    if (typeof original !== 'string') problems.push({ property: 'id', problem: 'must be an id' })
    if (problems.length > 0) return invalidProperties(problems)
    return { id: original as string, metadata }
  } catch (error) {
    if (isFault(error)) return error
    throw error
  }
}

interface CopyContext {
  readonly tx: WriteTx
  readonly places: Places
  readonly call: Call
  readonly from: OpenAccount
  readonly to: OpenAccount
  readonly limits: MailLimits
  readonly now: number
}

async function copyOne(c: CopyContext, original: string, metadata: Metadata): Promise<Arrival> {
  const { tx, places, call, from, to } = c
  const { id: number, row } = await readOriginal(tx, from, original)
  const mailboxes = places.named(metadata.mailboxIds, (text) => call.resolve(text))
  const keywords = metadata.keywords ?? row.keywords
  places.assertMayAdd(mailboxes, keywords)
  const copied = await copyEmail(tx, { account: from.id, id: number }, to.id, {
    mailboxes: [...mailboxes],
    keywords,
    receivedAt: metadata.receivedAt ?? row.receivedAt,
    savedAt: c.now,
    limits: c.limits,
  })
  return createdEmail(to, copied, copied.row)
}

/** Throws SetFault `notFound` for what the user may not read. */
async function readOriginal(
  tx: WriteTx,
  from: OpenAccount,
  text: string,
): Promise<{ readonly id: MessageId; readonly row: MessageRow }> {
  const number = objectNumber('M', text, from.idPrefix) as MessageId | undefined
  const [row] = number === undefined ? [] : await readEmails(tx, from.id, [number])
  if (row === undefined) throw notFound()
  const places = await Places.read(tx, from)
  if (places.readable(mailboxesOf(row)).size === 0) throw notFound()
  return { id: number!, row }
}

/** RFC 8620 §5.4: one call of Email/set, whose answer stands behind ours. */
async function destroyOriginals(
  call: Call,
  from: OpenAccount,
  destroy: readonly string[],
  ifInState: string | null,
): Promise<readonly MethodResponse[]> {
  try {
    if (!call.access.permissions.has('jmapEmailSet')) throw new MethodError('forbidden')
    const answers = await emailSet.call(call, { accountId: from.text, ifInState, destroy })
    return answers.map((one) => ({ name: 'Email/set', ...one }))
  } catch (error) {
    const known = methodErrorOf(error)
    if (known === undefined) throw error
    return [{ name: 'error', arguments: known.toJSON() }]
  }
}
