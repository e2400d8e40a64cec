/**
 * Email/set (RFC 8621 §4.6). Messages are written and staged before the commit, which then only moves rows; each
 * object is an attempt of its own. Those that are updated or destroyed share an edit, which a refused one leaves as
 * it was: whatever can be refused is refused before anything is changed.
 */
import { isDeepStrictEqual } from 'node:util'
import type { MailboxId, MessageId } from '#base/id.ts'
import { type Fault, isFault, type PropertyProblem } from '#base/fault.ts'
import type { WriteTx } from '#kv/tx.ts'
import { messageBlob } from '#mail/client-blob.ts'
import { AccountEdit } from '#mail/edit.ts'
import { changeEmail, destroyEmail, type EmailChange, mailboxesOf, readStructures } from '#mail/email.ts'
import { type IngestedEmail, ingestEmail } from '#mail/ingest.ts'
import type { MailLimits } from '#mail/limits.ts'
import { type MessageRow, sizeOf } from '#mail/message-row.ts'
import { emailObjectId, mailboxObjectId, objectNumber, threadObjectId } from '#mail/object-id.ts'
import type { PreparedMessage } from '#mail/prepare.ts'
import { assertWritable, type OpenAccount } from '../accounts.ts'
import { blobIdText } from '../blob-id.ts'
import { type Draft, readDraft, stageDraft, type StagedEmail } from '../email/create.ts'
import { isStructureProperty, rowValue, structureValue } from '../email/email-object.ts'
import { Places, readMetadata, tooManyMailboxes } from '../email/metadata.ts'
import { StagingRoom } from '../email/staging-room.ts'
import { invalidProperties, SetFault } from '../errors.ts'
import type { Call } from '../method.ts'
import { applyPatch } from '../patch.ts'
import { notFound, type SetContext, type SetRequest, standardSet, type SetWork } from '../standard-set.ts'
import type { Fields, Json, JsonObject } from '../value.ts'

interface Prepared {
  readonly drafts: ReadonlyMap<string, (StagedEmail & { readonly draft: Draft }) | Fault>
  readonly limits: MailLimits
  readonly now: number
}

export const emailSet = standardSet<Fields, Prepared>({
  type: 'Email',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.6',
  permission: 'jmapEmailSet',
  async prepare(call, account, { create }) {
    assertWritable(account)
    const { services } = call
    const limits = await services.limitsOf(account.id)
    let room: StagingRoom | undefined
    const drafts = new Map<string, (StagedEmail & { draft: Draft }) | Fault>()
    try {
      for (const [creationId, object] of create) {
        call.signal.throwIfAborted()
        room ??= await StagingRoom.read(call, account, limits)
        drafts.set(creationId, await prepareDraft(call, account, object, room))
      }
    } catch (error) {
      await release(drafts)
      throw error
    }
    return { drafts, limits, now: services.clock.now() }
  },
  release: ({ drafts }) => release(drafts),
  async begin(context) {
    return new EmailWork(context, await Places.read(context.tx, context.account))
  },
})

async function prepareDraft(
  call: Call,
  account: OpenAccount,
  object: JsonObject,
  room: StagingRoom,
): Promise<(StagedEmail & { draft: Draft }) | Fault> {
  try {
    const draft = readDraft(object)
    return { ...(await stageDraft(call, account, draft, room)), draft }
  } catch (error) {
    if (isFault(error)) return error
    throw error
  }
}

/** What was attached meanwhile stays. */
async function release(drafts: Prepared['drafts']): Promise<void> {
  for (const one of drafts.values()) if (!isFault(one)) await one.abort()
}

/** What a client is told of a message that came in (RFC 8621 §4.6). */
export function createdEmail(
  account: OpenAccount,
  { id, thread }: Pick<IngestedEmail, 'id' | 'thread'>,
  row: Pick<MessageRow, 'blob' | 'blobBytes' | 'prefix'>,
): { readonly id: string; readonly set: JsonObject } {
  const text = emailObjectId(id, account.idPrefix)
  return {
    id: text,
    set: {
      id: text,
      blobId: blobIdText(messageBlob(account.id, id, row)),
      threadId: threadObjectId(thread, account.idPrefix),
      size: sizeOf(row),
    },
  }
}

/** The row that a message has when it came in. */
export const bytesOf = ({
  prefix,
  staged,
}: PreparedMessage): Pick<MessageRow, 'blob' | 'blobBytes' | 'prefix'> => ({
  prefix,
  blob: staged.hash,
  blobBytes: staged.sizeBytes,
})

const isSame = (a: Json | undefined, b: Json | undefined): boolean =>
  a === b || (b !== undefined && isDeepStrictEqual(structuredClone(a), structuredClone(b)))

const rowNames = ['id', 'blobId', 'threadId', 'size', 'receivedAt', 'mailboxIds', 'keywords'] as const
const mutable: ReadonlySet<string> = new Set(['mailboxIds', 'keywords'])

/** The property that a path of a patch leads to or into. */
function topOf(path: string): string {
  const end = path.indexOf('/')
  return end === -1 ? path : path.slice(0, end)
}

/** Of two lists, what is in one of them only. */
const differing = (a: readonly string[], b: readonly string[]): readonly string[] => [
  ...a.filter((one) => !b.includes(one)),
  ...b.filter((one) => !a.includes(one)),
]

class EmailWork implements SetWork {
  readonly #tx: WriteTx
  readonly #account: OpenAccount
  readonly #prepared: Prepared
  readonly #resolve: (this: void, text: string) => string | undefined
  readonly #places: Places
  readonly #request: SetRequest
  /** Of what is updated and destroyed; there once all is created, which are edits of their own. */
  #edit: AccountEdit | undefined

  constructor(context: SetContext<Fields, Prepared>, places: Places) {
    this.#request = context.request
    this.#tx = context.tx
    this.#account = context.account
    this.#prepared = context.prepared
    this.#resolve = (text) => context.resolve(text)
    this.#places = places
  }

  async create(_object: JsonObject, creationId: string): ReturnType<SetWork['create']> {
    const { drafts, limits, now } = this.#prepared
    const one = drafts.get(creationId)!
    if (isFault(one)) throw one
    const { message, draft } = one
    const mailboxes = this.#places.named(draft.mailboxIds, this.#resolve)
    const keywords = draft.keywords ?? []
    this.#places.assertMayAdd(mailboxes, keywords)
    const options = { keywords, savedAt: now, limits }
    const ingested = await ingestEmail(this.#tx, this.#account.id, message, [...mailboxes], options)
    return createdEmail(this.#account, ingested, bytesOf(message))
  }

  async update(text: string, patch: JsonObject): Promise<null> {
    const { edit, id, row, seen } = await this.#find(text)
    const names = Object.keys(patch).filter(isStructureProperty)
    const fromMessage = names.length === 0 ? {} : await this.#fromMessage(id, names)
    const change = this.#patched(id, row, seen, patch, fromMessage)
    const { keywords, mailboxes } = change
    const places = this.#places
    if (keywords !== undefined) places.assertMaySet(seen, differing(row.keywords, keywords))
    if (mailboxes !== undefined) {
      places.assertMayAdd(mailboxes.difference(seen), [])
      places.assertMayRemove(seen.difference(mailboxes))
    }
    try {
      await changeEmail(edit, id, {
        ...change,
        // Those that the user does not see stay.
        ...(mailboxes && { mailboxes: mailboxes.union(mailboxesOf(row).difference(seen)) }),
      })
    } catch (error) {
      if (isFault(error, 'tooLarge')) throw tooManyMailboxes()
      throw error
    }
    return null
  }

  async destroy(text: string): Promise<void> {
    const { edit, id, row } = await this.#find(text)
    this.#places.assertMayRemove(mailboxesOf(row))
    await destroyEmail(edit, id)
  }

  async finish(): Promise<void> {
    await this.#edit?.finish()
  }

  /** With the mailboxes that the user may read: at least one. Throws SetFault `notFound`. */
  async #find(text: string): Promise<{
    readonly edit: AccountEdit
    readonly id: MessageId
    readonly row: MessageRow
    readonly seen: ReadonlySet<MailboxId>
  }> {
    const edit = (this.#edit ??= await this.#open())
    const id = this.#numberOf(text)
    const row = id === undefined ? undefined : edit.message(id)
    const seen = row === undefined ? new Set<MailboxId>() : this.#places.readable(mailboxesOf(row))
    if (seen.size === 0) throw notFound()
    return { edit, id: id!, row: row!, seen }
  }

  #numberOf(text: string): MessageId | undefined {
    return objectNumber('M', text, this.#account.idPrefix) as MessageId | undefined
  }

  /** With the rows of all Emails that are asked for. */
  async #open(): Promise<AccountEdit> {
    const edit = await AccountEdit.open(this.#tx, this.#account.id)
    const ids = new Set<MessageId>()
    for (const text of [...this.#request.update.keys(), ...this.#request.destroy]) {
      const known = this.#resolve(text)
      const id = known === undefined ? undefined : this.#numberOf(known)
      if (id !== undefined) ids.add(id)
    }
    await edit.readMessages([...ids])
    return edit
  }

  /** RFC 8620 §5.3: what cannot be changed may be given as it is; of the message itself, what its structure says. */
  async #fromMessage(id: MessageId, names: readonly string[]): Promise<JsonObject> {
    const [stored] = await readStructures(this.#tx, this.#account.id, [id])
    const values = names.map((name) => [name, stored && structureValue(stored, name)] as const)
    return Object.fromEntries(values.filter(([, value]) => value !== undefined))
  }

  /** Those of the properties in the row that a patch is about. */
  #fromRow(
    id: MessageId,
    row: MessageRow,
    seen: ReadonlySet<MailboxId>,
    touched: ReadonlySet<string>,
  ): JsonObject {
    const { idPrefix } = this.#account
    const shown = {
      id: emailObjectId(id, idPrefix),
      blobId: () => blobIdText(messageBlob(this.#account.id, id, row)),
      threadId: threadObjectId(row.thread, idPrefix),
      mailboxIds: [...seen].map((mailbox) => mailboxObjectId(mailbox, idPrefix)),
    }
    const found: Record<string, Json | undefined> = {}
    for (const name of rowNames) if (touched.has(name)) found[name] = rowValue(name, row, sizeOf(row), shown)
    return found
  }

  /** Of keywords and mailboxes, those that the patch is about. */
  #patched(
    id: MessageId,
    row: MessageRow,
    seen: ReadonlySet<MailboxId>,
    patch: JsonObject,
    fromMessage: JsonObject,
  ): EmailChange {
    const touched = new Set(Object.keys(patch).map(topOf))
    const object = { ...this.#fromRow(id, row, seen, touched), ...fromMessage }
    const changed = applyPatch(object, this.#plainPatch(patch), { keywords: {} })
    const problems: PropertyProblem[] = []
    for (const [name, value] of Object.entries(changed))
      if (!mutable.has(name) && !isSame(value, object[name]))
        problems.push({ property: name, problem: 'cannot be changed' })
    const { mailboxIds, keywords } = readMetadata(
      { mailboxIds: changed['mailboxIds'], keywords: changed['keywords'] },
      problems,
    )
    if (problems.length > 0) throw invalidProperties(problems)
    return {
      savedAt: this.#prepared.now,
      ...(keywords && { keywords }),
      ...(mailboxIds && { mailboxes: this.#places.named(mailboxIds, this.#resolve) }),
    }
  }

  /** Keywords are the same in any case, and a mailbox may be named by its creation id. */
  #plainPatch(patch: JsonObject): JsonObject {
    const plain: Record<string, Json | undefined> = Object.create(null)
    for (const path of Object.keys(patch)) {
      const name = path.startsWith('keywords/') ? path.toLowerCase() : this.#plainMailbox(path)
      if (name in plain) throw new SetFault('invalidPatch', 'Two paths mean the same.')
      plain[name] = patch[path]
    }
    return plain
  }

  #plainMailbox(path: string): string {
    const [first, reference, ...more] = path.split('/')
    if (first !== 'mailboxIds' || more.length > 0 || reference?.startsWith('#') !== true) return path
    return `${first}/${this.#resolve(reference) ?? reference}`
  }
}
