/** Email/get (RFC 8621 §4.2). */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MailboxId, MessageId } from '#base/id.ts'
import { type Maybe, whenThere } from '#base/maybe.ts'
import type { ReadTx } from '#kv/tx.ts'
import { messageBlob } from '#mail/client-blob.ts'
import { firstEmailIds, mailboxesOf, readEmails, readStructures } from '#mail/email.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import { type MessageRow, sizeOf } from '#mail/message-row.ts'
import { emailObjectId, mailboxObjectId, objectNumber, threadObjectId } from '#mail/object-id.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import type { OpenAccount } from '../accounts.ts'
import { blobIdText } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import {
  type BodyOptions,
  bodyArguments,
  bodyOptions,
  emailProperties,
  isEmailProperty,
  isRowProperty,
  messageReader,
  needsStructure,
  type RowNames,
  type RowProperty,
  rowValue,
  seenMailboxes,
  usualEmailProperties,
} from '../email/email-object.ts'
import type { AccountContents, Content } from '../email/kept-contents.ts'
import { objectReader, type Reader } from '../email/object-reader.ts'
import { AnswerBudget, type EmailSource, storedSource } from '../email/source.ts'
import type { JmapServices } from '../services.ts'
import { smimeProperties, smimeUrn } from '../smime-filter.ts'
import { standardGet, type WantedObjects } from '../standard-get.ts'
import type { JsonObject } from '../value.ts'
import { utcDateOf } from '#base/utc-date.ts'

interface Found {
  readonly id: MessageId
  readonly row: MessageRow
  /** What was told of it before, of what is asked for now. */
  readonly kept: Content | undefined
  /** Only where it is needed: for what is not kept, and for signatures. */
  readonly structure: Uint8Array | undefined
  /** Of its mailboxes, those that the user may read: at least one. */
  readonly mailboxes: readonly MailboxId[]
}

/** A row, and how it is told to this user. */
interface RowOf {
  readonly row: MessageRow
  readonly names: RowNames
}

const turnMs = 10

export const emailGet = standardGet({
  type: 'Email',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.2',
  permission: 'jmapEmailGet',
  properties: emailProperties,
  usual: usualEmailProperties,
  isProperty: isEmailProperty,
  extensions: { [smimeUrn]: smimeProperties },
  more: bodyArguments,
  async read({ services, signal }, account, wanted, args) {
    const names = [...wanted.properties].filter((name) => !isSmimeProperty(name))
    const smime = smimeProperties.filter((name) => wanted.properties.has(name))
    const body = bodyOptions(args)
    const contents = needsStructure(names) ? services.contents.of(account.id, [names, body.key]) : undefined
    const { state, found } = await services.db.read(async (tx) => ({
      state: await services.states.read(tx, account.id, 'Email'),
      found: await find({ tx, account, wanted, contents, signatures: smime.length > 0 }),
    }))
    const read = emailReader({ services, account, names, body, contents })
    const list: JsonObject[] = []
    let turnBegan = performance.now()
    for (const one of found) {
      // Everybody else has a turn meanwhile.
      if (performance.now() - turnBegan > turnMs) {
        await nextTurn()
        turnBegan = performance.now()
      }
      signal.throwIfAborted()
      const made = read(one)
      const object = made instanceof Promise ? await made : made
      list.push(
        smime.length === 0 ? object : { ...object, ...(await smimeObject(services, account, one, smime)) },
      )
    }
    return { state: account.stateOf(state), list }
  },
})

/** All that is asked of the store, in one snapshot. */
async function find(o: {
  readonly tx: ReadTx
  readonly account: OpenAccount
  readonly wanted: WantedObjects
  readonly contents: AccountContents | undefined
  readonly signatures: boolean
}): Promise<readonly Found[]> {
  const { tx, account, wanted, contents } = o
  const ids = await idsOf(tx, account, wanted)
  const readable = new Set(
    (await listMailboxes(tx, account.id)).filter((one) => account.mayRead(one)).map(({ id }) => id),
  )
  const rows = await readEmails(tx, account.id, ids)
  const found: Omit<Found, 'structure'>[] = []
  for (const [i, row] of rows.entries()) {
    const mailboxes = row === undefined ? [] : seenMailboxes(mailboxesOf(row), readable)
    const id = ids[i]!
    if (mailboxes.length > 0) found.push({ id, row: row!, kept: contents?.get(id), mailboxes })
  }
  const toRead = found.filter(({ kept }) => o.signatures || (contents !== undefined && kept === undefined))
  const read = await readStructures(
    tx,
    account.id,
    toRead.map(({ id }) => id),
  )
  const structures = new Map(toRead.map(({ id }, i) => [id, read[i]]))
  return found.map((one) => ({ ...one, structure: structures.get(one.id) }))
}

async function idsOf(
  tx: ReadTx,
  account: OpenAccount,
  { ids, limit }: WantedObjects,
): Promise<readonly MessageId[]> {
  if (ids === null) return firstEmailIds(tx, account.id, limit + 1)
  const numbers = ids.map((text) => objectNumber('M', text, account.idPrefix))
  return numbers.filter((number) => number !== undefined) as MessageId[]
}

/** Reads what is in the row, and, where there are `contents`, what the message itself says. */
function emailReader(o: {
  services: JmapServices
  account: OpenAccount
  names: readonly string[]
  body: BodyOptions
  contents: AccountContents | undefined
}): Reader<Found, JsonObject> {
  const { services, account, names, body, contents } = o
  const budget = new AnswerBudget()
  const rowValues = objectReader<RowOf>(
    names.filter(isRowProperty).map((name) => [name, rowReader(name)]),
    () => budget,
  )
  const inRow = (one: Found) => rowValues({ row: one.row, names: namesOf(account, one) })
  if (contents === undefined) return inRow
  const inMessage = objectReader<EmailSource>(
    names.filter((name) => !isRowProperty(name)).map((name) => [name, messageReader(name, body)]),
    () => budget,
  )
  const content = ({ id, row, kept, structure }: Found): Maybe<JsonObject> => {
    if (kept !== undefined) {
      budget.spend(kept.bytes)
      return kept.object
    }
    const before = budget.spentBytes
    return whenThere(storedSource(services, account.id, id, row, structure, budget), (source) =>
      whenThere(inMessage(source), (object) => {
        contents.keep(id, { object, bytes: budget.spentBytes - before })
        return object
      }),
    )
  }
  return (one) =>
    whenThere(content(one), (said) => whenThere(inRow(one), (values) => ({ ...said, ...values })))
}

const rowReader =
  (name: RowProperty): Reader<RowOf> =>
  ({ row, names }) =>
    rowValue(name, row, sizeOf(row), names)

const namesOf = (account: OpenAccount, { id, row, mailboxes }: Found): RowNames => ({
  id: emailObjectId(id, account.idPrefix),
  blobId: () => blobIdText(messageBlob(account.id, id, row)),
  threadId: threadObjectId(row.thread, account.idPrefix),
  mailboxIds: mailboxes.map((mailbox) => mailboxObjectId(mailbox, account.idPrefix)),
})

const isSmimeProperty = (name: string): boolean => (smimeProperties as readonly string[]).includes(name)

/** RFC 9219 §4.1. A message without a structure that can be read has no signature that could be found. */
async function smimeObject(
  { smime }: JmapServices,
  account: OpenAccount,
  { id, row, structure }: Found,
  names: readonly (typeof smimeProperties)[number][],
): Promise<JsonObject> {
  const message = structure && { id, row, structure: new StoredStructure(structure) }
  const [verdict] = message === undefined ? [undefined] : await smime.of(account.id, [message])
  const at = verdict?.verifiedAt ?? null
  const all = {
    smimeStatus: verdict?.status ?? null,
    smimeStatusAtDelivery: verdict?.statusAtDelivery ?? null,
    smimeErrors: verdict?.errors ?? null,
    smimeVerifiedAt: at === null ? null : utcDateOf(at),
  }
  return objectOf(names.map((name) => [name, all[name]] as const))
}
