/**
 * MDN/send (RFC 9007 §2.1): disposition notifications, each sent in the commit that marks its message with
 * `$mdnsent`. The Email/set that the client must ask for comes behind, for those that were sent.
 */
import { type Fault, isFault, type PropertyProblem } from '#base/fault.ts'
import type { MessageId } from '#base/id.ts'
import { readableMessage } from '#mail/client-blob.ts'
import { identityCovers, type Identity, readIdentity } from '#mail/submission/identity.ts'
import { emailObjectId, objectNumber } from '#mail/object-id.ts'
import { type MdnRequest, mdnSent, type PreparedMdn } from '#mail/submission/send-mdn.ts'
import { SubmissionRefusal } from '#mail/submission/refusal.ts'
import { actionModes, dispositionTypes, isExtensionName, sendingModes } from '#message/mdn.ts'
import { readMailbox } from '#message/path.ts'
import type { IdentityId } from '#queue/submission-rows.ts'
import type { OpenAccount } from '../accounts.ts'
import { objectOf } from '../dispatch.ts'
import { invalidProperties, MethodError, setErrorOf, SetFault } from '../errors.ts'
import { mdnAccount, mdnCapability } from '../mdn-object.ts'
import { accountField, type Call, method, type MethodResponse } from '../method.ts'
import { assertSends } from '../sending-account.ts'
import { jmapSettings } from '../settings.ts'
import {
  anything,
  boolean,
  id,
  isId,
  isObject,
  type Json,
  type JsonObject,
  mapOf,
  nullable,
  object,
  oneOf,
  type ReadFields,
  readFields,
  string,
  wantedId,
} from '../value.ts'

const mail = 'urn:ietf:params:jmap:mail'

const extensions = nullable(mapOf(string, string))
const mdnFields = {
  forEmailId: id,
  subject: nullable(string),
  textBody: nullable(string),
  includeOriginalMessage: boolean,
  reportingUA: nullable(string),
  disposition: object({
    actionMode: oneOf(...actionModes),
    sendingMode: oneOf(...sendingModes),
    type: oneOf(...dispositionTypes),
  }),
  finalRecipient: nullable(string),
  extensionFields: extensions,
  // As the example of RFC 9007 §3.1 has it.
  extension: extensions,
} as const

type GivenMdn = ReadFields<typeof mdnFields>

export const mdnSend = method({
  name: 'MDN/send',
  using: mdnCapability,
  standard: 'RFC 9007 §2.1',
  permission: 'jmapMdnSend',
  arguments: {
    ...accountField,
    identityId: id,
    send: mapOf(string, anything),
    onSuccessUpdateEmail: nullable(mapOf(wantedId, mapOf(string, anything))),
  },
  required: ['accountId', 'identityId', 'send'],
  async call(call, { accountId, identityId, send, onSuccessUpdateEmail }) {
    if (!call.using.has(mail)) throw new MethodError('unknownMethod', `This needs ${mail}.`)
    const account = await mdnAccount(call, accountId!)
    assertSends(account)
    assertCreations(call, send!, onSuccessUpdateEmail)
    const identity = await identityOf(call, account, identityId!)
    const sent = new Map<string, JsonObject>()
    const notSent = new Map<string, JsonObject>()
    const patches = new Map<string, JsonObject>()
    for (const [creationId, given] of send!) {
      call.signal.throwIfAborted()
      try {
        const one = await sendOne(call, account, identity, given)
        sent.set(creationId, one.told)
        patches.set(one.emailId, objectOf(onSuccessUpdateEmail!.get(`#${creationId}`)!))
      } catch (error) {
        if (!isFault(error)) throw error
        notSent.set(creationId, setErrorOf(asSetFault(error)))
      }
    }
    const told = {
      accountId: account.text,
      sent: sent.size === 0 ? null : objectOf(sent),
      notSent: notSent.size === 0 ? null : objectOf(notSent),
    }
    const responses: readonly MethodResponse[] =
      patches.size === 0
        ? []
        : await call.imply('Email/set', { accountId: account.text, update: objectOf(patches) })
    return [{ arguments: told }, ...responses]
  },
})

type Patches = ReadonlyMap<string, ReadonlyMap<string, Json>> | null | undefined

/** RFC 9007 §2.1: each message must be marked. Throws MethodError. */
function assertCreations(call: Call, send: ReadonlyMap<string, Json>, patches: Patches): void {
  const most = call.services.settings.get(jmapSettings).setMaxObjects
  if (send.size > most)
    throw new MethodError('requestTooLarge', `At most ${most} receipts can be sent in one call.`)
  if (![...send.keys()].every(isId))
    throw new MethodError('invalidArguments', 'A creation id must be an id.', { arguments: ['send'] })
  const isMarked = (creationId: string): boolean => marks(patches?.get(`#${creationId}`))
  const isAsked = (reference: string): boolean => reference.startsWith('#') && send.has(reference.slice(1))
  if (![...send.keys()].every(isMarked) || ![...(patches?.keys() ?? [])].every(isAsked))
    throw new MethodError(
      'invalidArguments',
      `For each of "send" the Email must get the keyword ${mdnSent}.`,
      {
        arguments: ['onSuccessUpdateEmail'],
      },
    )
}

function marks(patch: ReadonlyMap<string, Json> | undefined): boolean {
  if (patch === undefined) return false
  const whole = patch.get('keywords')
  const set: Iterable<readonly [string, unknown]> = isObject(whole)
    ? Object.entries(whole).map(([keyword, value]) => [`keywords/${keyword}`, value])
    : patch
  return [...set].some(([path, value]) => path.toLowerCase() === `keywords/${mdnSent}` && value === true)
}

/** Throws MethodError `invalidArguments`. */
async function identityOf(call: Call, account: OpenAccount, text: string): Promise<Identity> {
  const { services } = call
  await services.submitter.followAddresses(account.id)
  const number = objectNumber('I', call.resolve(text) ?? '', account.idPrefix)
  const identity =
    number === undefined
      ? undefined
      : await services.db.read((tx) => readIdentity(tx, account.id, number as IdentityId))
  if (identity === undefined)
    throw new MethodError('invalidArguments', 'There is no such identity.', { arguments: ['identityId'] })
  return identity
}

/** Throws a SetFault or another Fault. */
async function sendOne(
  call: Call,
  account: OpenAccount,
  identity: Identity,
  input: Json,
): Promise<{ readonly emailId: string; readonly told: JsonObject }> {
  const { services, access } = call
  const given = readMdn(input)
  const email = objectNumber('M', call.resolve(given.forEmailId!) ?? '', account.idPrefix)
  const message =
    email === undefined
      ? undefined
      : await services.db.read((tx) => readableMessage(tx, account.id, account.who, email as MessageId))
  if (message === undefined) throw new SetFault('notFound', 'There is no such Email.')
  if (message.row.keywords.includes(mdnSent)) throw alreadySent()
  const recipient = await recipientOf(call, account, identity, given.finalRecipient ?? null)
  const prepared = await services.submitter.prepareMdn({
    access,
    account: account.id,
    email: email as MessageId,
    identity,
    ...requestOf(given, recipient),
  })
  try {
    const number = await services.db.write([...new Set([account.id, access.account])], (tx) =>
      services.submitter.sendMdn(tx, prepared),
    )
    services.submitter.sent(number, prepared)
  } finally {
    await prepared.content.abort()
  }
  return { emailId: emailObjectId(email as MessageId, account.idPrefix), told: toldOf(given, prepared) }
}

const alreadySent = (): SetFault => new SetFault('mdnAlreadySent', `The Email has the keyword ${mdnSent}.`)

/** Throws SetFault `invalidProperties`. */
function readMdn(input: Json): GivenMdn {
  if (!isObject(input)) throw invalidProperties([{ property: 'forEmailId', problem: 'must be there' }])
  const problems: PropertyProblem[] = []
  const given = readFields(mdnFields, input, problems)
  const { disposition } = given
  const must = (property: string, value: unknown): void => {
    if (value === undefined && !problems.some((one) => one.property === property))
      problems.push({ property, problem: 'must be there' })
  }
  must('forEmailId', given.forEmailId)
  must('disposition', disposition)
  for (const name of ['actionMode', 'sendingMode', 'type'] as const)
    if (disposition !== undefined) must(`disposition/${name}`, disposition[name])
  for (const name of extensionsOf(given).keys())
    if (!isExtensionName(name))
      problems.push({ property: 'extensionFields', problem: 'must have names of extension fields' })
  if (problems.length > 0) throw invalidProperties(problems)
  return given
}

const extensionsOf = ({ extensionFields, extension }: GivenMdn): ReadonlyMap<string, string> =>
  extensionFields ?? extension ?? new Map()

interface FinalRecipient {
  /** The field. */
  readonly text: string
  readonly address: string
}

/** RFC 9007 §5: as whom the user may send. Throws SetFault `forbiddenFrom` and `invalidProperties`. */
async function recipientOf(
  { services, access }: Call,
  account: OpenAccount,
  identity: Identity,
  given: string | null,
): Promise<FinalRecipient> {
  if (given === null) {
    if (identity.email.startsWith('*'))
      throw invalidProperties([
        { property: 'finalRecipient', problem: 'must be there: the identity has many addresses' },
      ])
    return { text: `rfc822; ${identity.email}`, address: identity.email }
  }
  const address = (/^(?:rfc822|utf-8)\s*;\s*(.*)$/is.exec(given)?.[1] ?? given).trim()
  if (readMailbox(address) === undefined)
    throw invalidProperties([{ property: 'finalRecipient', problem: 'must be an address' }])
  const mayUse =
    identityCovers(identity, address) ||
    (await services.submitter.maySendAs(account.id, address)) ||
    (await services.submitter.maySendAs(access.account, address))
  if (!mayUse) throw new SetFault('forbiddenFrom', 'You may not send as the final recipient.')
  return { text: `rfc822; ${address}`, address }
}

function requestOf(
  given: GivenMdn,
  { text, address }: FinalRecipient,
): Omit<MdnRequest, 'access' | 'account' | 'email' | 'identity'> {
  const { actionMode, sendingMode, type } = given.disposition!
  return {
    from: address,
    subject: given.subject ?? null,
    text: given.textBody ?? null,
    includeOriginal: given.includeOriginalMessage ?? false,
    fields: {
      ...(typeof given.reportingUA === 'string' ? { reportingUA: given.reportingUA } : {}),
      finalRecipient: text,
      disposition: { actionMode: actionMode!, sendingMode: sendingMode!, type: type! },
      errors: [],
      extensions: extensionsOf(given),
    },
  }
}

/** RFC 9007 §2.1: what the client did not say. */
function toldOf(given: GivenMdn, { fields, subject, text }: PreparedMdn): JsonObject {
  const whole: JsonObject = {
    subject,
    textBody: text,
    includeOriginalMessage: false,
    reportingUA: null,
    mdnGateway: null,
    originalRecipient: fields.originalRecipient ?? null,
    finalRecipient: fields.finalRecipient!,
    originalMessageId: fields.originalMessageId ?? null,
    error: null,
    extensionFields: null,
  }
  const said = { ...given, extensionFields: given.extensionFields ?? given.extension }
  return Object.fromEntries(
    Object.entries(whole).filter(([name]) => (said[name as keyof typeof said] ?? null) === null),
  )
}

/** RFC 9007 §2.1 has other words than RFC 8621 §7.5: who asks for a receipt and cannot get one asks in vain. */
const setTypes: Readonly<Partial<Record<SubmissionRefusal['type'], string>>> = {
  forbiddenToSend: 'forbidden',
  forbiddenMailFrom: 'forbidden',
  forbiddenFrom: 'forbiddenFrom',
  tooLarge: 'tooLarge',
  noRecipients: 'notFound',
  invalidRecipients: 'notFound',
  tooManyRecipients: 'notFound',
}

function asSetFault(fault: Fault): Fault {
  if (isFault(fault, 'exists')) return alreadySent()
  if (!(fault instanceof SubmissionRefusal)) return fault
  const type = setTypes[fault.type] ?? 'invalidProperties'
  return new SetFault(type, fault.publicText, type === 'invalidProperties' ? { properties: [] } : {})
}
