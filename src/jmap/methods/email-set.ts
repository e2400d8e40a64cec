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
import { changeEmail, destroyEmail, mailboxesOf, readStructures } from '#mail/email.ts'
import { type IngestedEmail, ingestEmail } from '#mail/ingest.ts'
import type { MailLimits } from '#mail/limits.ts'
import { type MessageRow, sizeOf } from '#mail/message-row.ts'
import { emailObjectId, mailboxObjectId, objectNumber, threadObjectId } from '#mail/object-id.ts'
import type { PreparedMessage } from '#mail/prepare.ts'
import type { OpenAccount } from '../accounts.ts'
import { blobIdText } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import { type Draft, readDraft, stageDraft, type StagedEmail } from '../email/create.ts'
import { isStructureProperty, rowValue, structureValue } from '../email/email-object.ts'
import { Places, readMetadata, tooManyMailboxes } from '../email/metadata.ts'
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
    const drafts = new Map<string, (StagedEmail & { draft: Draft }) | Fault>()
    try {
      for (const [creationId, object] of create) {
        call.signal.throwIfAborted()
        drafts.set(creationId, await prepareDraft(call, account, object))
      }
    } catch (error) {
      await release(drafts)
      throw error
    }
    const { services } = call
    return { drafts, limits: await services.limitsOf(account.id), now: services.clock.now() }
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
): Promise<(StagedEmail & { draft: Draft }) | Fault> {
  try {
    const draft = readDraft(object)
    return { ...(await stageDraft(call, account, draft)), draft }
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
const topOf = (path: string): string => path.split('/', 1)[0]!

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
    const wanted = this.#patched(id, row, seen, patch, await this.#fromMessage(id, patch))
    const places = this.#places
    const before = new Set(row.keywords)
    const after = new Set(wanted.keywords)
    places.assertMaySet(seen, [...before.symmetricDifference(after)])
    places.assertMayAdd(wanted.mailboxes.difference(seen), [])
    places.assertMayRemove(seen.difference(wanted.mailboxes))
    const hidden = mailboxesOf(row).difference(seen)
    try {
      await changeEmail(edit, id, {
        keywords: wanted.keywords,
        mailboxes: wanted.mailboxes.union(hidden),
        savedAt: this.#prepared.now,
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
  async #fromMessage(id: MessageId, patch: JsonObject): Promise<JsonObject> {
    const names = Object.keys(patch).filter(isStructureProperty)
    if (names.length === 0) return {}
    const [stored] = await readStructures(this.#tx, this.#account.id, [id])
    const values = names.map((name) => [name, stored && structureValue(stored, name)] as const)
    return Object.fromEntries(values.filter(([, value]) => value !== undefined))
  }

  /** The properties that a patch is about, of those that are in the row, and what it may change in any case. */
  #fromRow(
    id: MessageId,
    row: MessageRow,
    seen: ReadonlySet<MailboxId>,
    touched: ReadonlySet<string>,
  ): JsonObject {
    const { idPrefix } = this.#account
    const names = rowNames.filter((name) => mutable.has(name) || touched.has(name))
    const shown = {
      id: emailObjectId(id, idPrefix),
      blobId: () => blobIdText(messageBlob(this.#account.id, id, row)),
      threadId: threadObjectId(row.thread, idPrefix),
      mailboxIds: [...seen].map((mailbox) => mailboxObjectId(mailbox, idPrefix)),
    }
    return Object.fromEntries(names.map((name) => [name, rowValue(name, row, sizeOf(row), shown)!]))
  }

  #patched(
    id: MessageId,
    row: MessageRow,
    seen: ReadonlySet<MailboxId>,
    patch: JsonObject,
    fromMessage: JsonObject,
  ): { readonly keywords: readonly string[]; readonly mailboxes: ReadonlySet<MailboxId> } {
    const ofRow = this.#fromRow(id, row, seen, new Set(Object.keys(patch).map(topOf)))
    const object: JsonObject = { ...ofRow, ...fromMessage }
    const changed = applyPatch(object, this.#plainPatch(patch), { keywords: {} })
    const problems: PropertyProblem[] = []
    for (const [name, value] of Object.entries(changed))
      if (name !== 'mailboxIds' && name !== 'keywords' && !isSame(value, object[name]))
        problems.push({ property: name, problem: 'cannot be changed' })
    const { mailboxIds, keywords = [] } = readMetadata(
      { mailboxIds: changed['mailboxIds'] ?? null, keywords: changed['keywords'] ?? null },
      problems,
    )
    if (problems.length > 0) throw invalidProperties(problems)
    return { keywords, mailboxes: this.#places.named(mailboxIds, this.#resolve) }
  }

  /** Keywords are the same in any case, and a mailbox may be named by its creation id. */
  #plainPatch(patch: JsonObject): JsonObject {
    const plain = new Map<string, JsonObject[string]>()
    for (const [path, value] of Object.entries(patch)) {
      const name = path.startsWith('keywords/') ? path.toLowerCase() : this.#plainMailbox(path)
      if (plain.has(name)) throw new SetFault('invalidPatch', 'Two paths mean the same.')
      plain.set(name, value)
    }
    return objectOf([...plain] as [string, never][])
  }

  #plainMailbox(path: string): string {
    const [first, reference, ...more] = path.split('/')
    if (first !== 'mailboxIds' || more.length > 0 || reference?.startsWith('#') !== true) return path
    return `${first}/${this.#resolve(reference) ?? reference}`
  }
}
