/**
 * EmailSubmission/set (RFC 8621 §7.5): sending. What is answered as created is in the queue, durably; what is
 * answered as canceled is out of it, and nobody has it. What it does to the Emails comes behind, in an implicit
 * Email/set.
 */
import { isDeepStrictEqual } from 'node:util'
import { isFault, type Fault, type PropertyProblem } from '#base/fault.ts'
import type { MessageId } from '#base/id.ts'
import { readableMessage } from '#mail/client-blob.ts'
import { readIdentity } from '#mail/submission/identity.ts'
import { emailObjectId, objectNumber, submissionObjectId, threadObjectId } from '#mail/object-id.ts'
import type { PreparedSubmission } from '#mail/submission/prepare.ts'
import {
  cancelSubmission,
  destroySubmission,
  readSubmission,
  recipientsOf,
  type Submission,
} from '#mail/submission/submission.ts'
import { SubmissionRefusal } from '#mail/submission/refusal.ts'
import type { EnvelopeAddress, IdentityId, SubmissionEnvelope } from '#queue/submission-rows.ts'
import type { QueueId } from '#queue/tables.ts'
import type { OpenAccount } from '../accounts.ts'
import { objectOf } from '../dispatch.ts'
import { invalidProperties, SetFault } from '../errors.ts'
import type { Call, MethodResponse } from '../method.ts'
import { assertSends } from '../sending-account.ts'
import { notFound, type SetContext, type SetRequest, type SetResult, standardSet } from '../standard-set.ts'
import { envelopeObject, statusObject, submissionObject, submissionProperties } from '../submission-object.ts'
import {
  anything,
  id,
  type JsonObject,
  listOf,
  mapOf,
  nullable,
  object,
  readFields,
  string,
  wantedId,
} from '../value.ts'
import { utcDateOf } from '#base/utc-date.ts'

const address = object({ email: string, parameters: nullable(mapOf(string, nullable(string))) })
const fields = {
  identityId: id,
  emailId: id,
  envelope: nullable(object({ mailFrom: address, rcptTo: listOf(address) })),
} as const

const more = {
  onSuccessUpdateEmail: nullable(mapOf(wantedId, mapOf(string, anything))),
  onSuccessDestroyEmail: nullable(listOf(wantedId)),
} as const

/** What is known of a call before its commit, and what the commit finds out. */
interface Prepared {
  readonly created: ReadonlyMap<string, PreparedSubmission | Fault>
  /** By the id of a submission, that of its Email. */
  readonly emails: Map<string, string>
}

export const emailSubmissionSet = standardSet({
  type: 'EmailSubmission',
  using: 'urn:ietf:params:jmap:submission',
  standard: 'RFC 8621 §7.5',
  permission: 'jmapEmailSubmissionSet',
  more,
  alsoWrites: ({ access }) => [access.account],
  prepare: prepareAll,
  release: ({ created }) => release(created),
  begin: (context) => ({
    create: (_object, creationId) => create(context, creationId),
    update: (text, patch) => update(context, text, patch),
    async destroy(text) {
      const submission = await stored(context, text)
      await destroySubmission(context.tx, context.account.id, submission.id)
    },
  }),
  async after(call, account, result, { onSuccessUpdateEmail, onSuccessDestroyEmail }, { created, emails }) {
    for (const [creationId, one] of result.created) {
      const number = objectNumber('S', one.id, account.idPrefix) as QueueId
      call.services.submitter.sent(number, created.get(creationId) as PreparedSubmission)
    }
    const wanted = { update: onSuccessUpdateEmail, destroy: onSuccessDestroyEmail }
    return changeEmails(call, account, result, emails, wanted)
  },
})

async function prepareAll(call: Call, account: OpenAccount, { create: all }: SetRequest): Promise<Prepared> {
  assertSends(account)
  await call.services.submitter.followAddresses(account.id)
  const created = new Map<string, PreparedSubmission | Fault>()
  for (const [creationId, given] of all) {
    try {
      created.set(creationId, await prepareOne(call, account, given))
    } catch (error) {
      if (isFault(error)) created.set(creationId, error)
      else {
        await release(created)
        throw error
      }
    }
  }
  return { created, emails: new Map() }
}

async function release(created: Prepared['created']): Promise<void> {
  for (const one of created.values()) if (!isFault(one)) await one.content.abort()
}

async function prepareOne(call: Call, account: OpenAccount, input: JsonObject): Promise<PreparedSubmission> {
  const { services, access } = call
  const { identityId, emailId, envelope } = readObject(input)
  const identityNumber = objectNumber('I', call.resolve(identityId) ?? '', account.idPrefix)
  const email = objectNumber('M', call.resolve(emailId) ?? '', account.idPrefix) as MessageId | undefined
  const { identity, isThere } = await services.db.read(async (tx) => ({
    identity:
      identityNumber === undefined
        ? undefined
        : await readIdentity(tx, account.id, identityNumber as IdentityId),
    isThere: email !== undefined && (await readableMessage(tx, account.id, account.who, email)) !== undefined,
  }))
  const missing = [...(identity === undefined ? ['identityId'] : []), ...(isThere ? [] : ['emailId'])]
  if (identity === undefined || missing.length > 0) throw notThere(missing)
  const request = { access, account: account.id, email: email!, identity, envelope }
  const prepared = await services.submitter.prepare(request)
  if (prepared === undefined) throw notThere(['emailId'])
  return prepared
}

const notThere = (properties: readonly string[]): SetFault =>
  invalidProperties(properties.map((property) => ({ property, problem: 'names nothing that is there' })))

/** Throws SetFault `invalidProperties`. */
function readObject(input: JsonObject): {
  readonly identityId: string
  readonly emailId: string
  readonly envelope: SubmissionEnvelope | null
} {
  const problems: PropertyProblem[] = []
  const { identityId, emailId, envelope } = readFields(fields, input, problems)
  const must = (path: string, value: unknown): void => {
    if (value === undefined && !problems.some(({ property }) => property === path))
      problems.push({ property: path, problem: 'must be there' })
  }
  must('identityId', identityId)
  must('emailId', emailId)
  if (envelope !== undefined && envelope !== null && problems.length === 0) {
    must('envelope/mailFrom', envelope.mailFrom)
    if (envelope.mailFrom !== undefined) must('envelope/mailFrom/email', envelope.mailFrom.email)
    must('envelope/rcptTo', envelope.rcptTo)
    for (const [i, one] of (envelope.rcptTo ?? []).entries()) must(`envelope/rcptTo/${i}/email`, one.email)
  }
  if (problems.length > 0) throw invalidProperties(problems)
  return {
    identityId: identityId!,
    emailId: emailId!,
    envelope: envelope
      ? { mailFrom: addressOf(envelope.mailFrom!), rcptTo: envelope.rcptTo!.map(addressOf) }
      : null,
  }
}

const addressOf = (given: {
  readonly email?: string
  readonly parameters?: ReadonlyMap<string, string | null> | null
}): EnvelopeAddress => ({
  email: given.email!,
  parameters: given.parameters ? Object.fromEntries(given.parameters) : null,
})

type Context = SetContext<typeof more, Prepared>

async function create({ tx, call, account, prepared }: Context, creationId: string) {
  const found = prepared.created.get(creationId)!
  if (isFault(found)) throw asSetFault(found)
  const number = await call.services.submitter.create(tx, found).catch((error: unknown) => {
    // It has gone since it was looked at.
    throw isFault(error, 'notFound') ? notThere(['emailId']) : error
  })
  const text = submissionObjectId(number, account.idPrefix)
  const submission = (await readSubmission(tx, account.id, number))!
  prepared.emails.set(text, emailObjectId(submission.email, account.idPrefix))
  return {
    id: text,
    set: {
      threadId: threadObjectId(submission.thread, account.idPrefix),
      sendAt: utcDateOf(submission.sendAt),
      undoStatus: submission.undo,
      deliveryStatus: statusObject(await recipientsOf(tx, account.id, number)),
      dsnBlobIds: [],
      mdnBlobIds: [],
      ...(found.request.envelope === null ? { envelope: envelopeObject(submission.envelope) } : {}),
    },
  }
}

/** RFC 8621 §7.5. */
function asSetFault(fault: Fault): Fault {
  return fault instanceof SubmissionRefusal ? new SetFault(fault.type, fault.publicText, fault.more) : fault
}

/** Throws SetFault `notFound`. */
async function stored({ tx, account, prepared }: Context, text: string): Promise<Submission> {
  const number = objectNumber('S', text, account.idPrefix)
  const found = number === undefined ? undefined : await readSubmission(tx, account.id, number as QueueId)
  if (found === undefined) throw notFound()
  prepared.emails.set(text, emailObjectId(found.email, account.idPrefix))
  return found
}

/** Nothing but the cancelation is a change; what the object has already may be said again (RFC 8620 §5.3). */
async function update(context: Context, text: string, patch: JsonObject): Promise<JsonObject | null> {
  const { tx, account } = context
  const submission = await stored(context, text)
  const shown = await submissionObject(tx, account, submission, new Set(submissionProperties))
  const changed = Object.keys(patch).filter(
    (name) => !Object.hasOwn(shown, name) || !isDeepStrictEqual(plain(patch[name]), plain(shown[name])),
  )
  const isCanceled = changed.length === 1 && changed[0] === 'undoStatus' && patch['undoStatus'] === 'canceled'
  if (changed.length > 0 && !isCanceled)
    throw invalidProperties(changed.map((property) => ({ property, problem: 'cannot be changed' })))
  if (!isCanceled) return null
  try {
    await cancelSubmission(tx, account.id, submission.id)
  } catch (error) {
    throw isFault(error) ? asSetFault(error) : error
  }
  return { deliveryStatus: statusObject(await recipientsOf(tx, account.id, submission.id)) }
}

/** Without what objects are made of. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

interface WantedChanges {
  readonly update: ReadonlyMap<string, ReadonlyMap<string, JsonObject[string]>> | null | undefined
  readonly destroy: readonly string[] | null | undefined
}

/** The implicit Email/set, where what was asked for has succeeded. */
async function changeEmails(
  call: Call,
  account: OpenAccount,
  result: SetResult,
  emails: ReadonlyMap<string, string>,
  wanted: WantedChanges,
): Promise<readonly MethodResponse[]> {
  const succeeded = new Set([
    ...[...result.created.values()].map((one) => one.id),
    ...result.updated.keys(),
    ...result.destroyed,
  ])
  const emailOf = (reference: string): string | undefined => {
    const submission = call.resolve(reference)
    return submission !== undefined && succeeded.has(submission) ? emails.get(submission) : undefined
  }
  const updates = new Map<string, JsonObject>()
  for (const [reference, patch] of wanted.update ?? []) {
    const email = emailOf(reference)
    if (email !== undefined) updates.set(email, { ...updates.get(email), ...objectOf(patch as never) })
  }
  const destroy = (wanted.destroy ?? []).map(emailOf).filter((email) => email !== undefined)
  if (updates.size === 0 && destroy.length === 0) return []
  return call.imply('Email/set', {
    accountId: account.text,
    ...(updates.size === 0 ? {} : { update: objectOf(updates) }),
    ...(destroy.length === 0 ? {} : { destroy: [...new Set(destroy)] }),
  })
}
