/**
 * PushSubscription/set (RFC 8620 §7.2.2), of no account: of the credential that is signed in with. Whoever sends is
 * told after the commit, and asks the URL at once.
 *
 * What must always hold: a URL that could lead into the server's own network is refused here where it says so itself,
 * and in any case when it is connected to; nothing is sent there but the verification before the client has shown
 * that it got that.
 */
import { createECDH, timingSafeEqual } from 'node:crypto'
import { pushKeyEnds } from '#account/push-keys.ts'
import {
  createPushSubscription,
  listPushSubscriptions,
  longestSubscriptionMs,
  type PushKeys,
  type PushSubscriptionId,
  type PushSubscriptionRow,
  pushSubscriptionTable,
  tellPushSubscriptions,
} from '#account/push-subscription.ts'
import type { PropertyProblem } from '#base/fault.ts'
import { isNamed } from '#http/stranger-host.ts'
import type { WriteTx } from '#kv/tx.ts'
import { invalidProperties } from '../errors.ts'
import { type Call, method } from '../method.ts'
import { jmapSettings } from '../settings.ts'
import { notFound, outcomeOf, requestOf, runSet, setFields, type SetWork } from '../standard-set.ts'
import {
  type JsonObject,
  listOf,
  nullable,
  object,
  type ReadFields,
  readFields,
  string,
  timeOf,
  utcDate,
  utcSecondOf,
} from '../value.ts'
import { pushSubscriptionId } from './push-subscription-get.ts'

const longestText = 255
const longestUrl = 2048
const mostTypes = 200

const { accountId: _, ifInState: __, ...fields } = setFields

export const pushSubscriptionSet = method({
  name: 'PushSubscription/set',
  using: 'urn:ietf:params:jmap:core',
  standard: 'RFC 8620 §7.2.2',
  permission: 'jmapPushSubscriptionSet',
  arguments: fields,
  required: [],
  async call(call, args) {
    const request = requestOf(call, args)
    const { account } = call.access
    const { db, bus } = call.services
    const outcome = await db.write([account], (tx) => runSet(tx, call, request, () => new Work(tx, call)))
    for (const [creationId, { id }] of outcome.created) call.createdIds.set(creationId, id)
    if (outcome.created.size + outcome.updated.size + outcome.destroyed.length > 0)
      tellPushSubscriptions(bus, account)
    return [{ arguments: outcomeOf(outcome) }]
  },
})

const properties = {
  deviceClientId: string,
  url: string,
  keys: nullable(object({ p256dh: string, auth: string })),
  verificationCode: nullable(string),
  expires: nullable(utcDate),
  types: nullable(listOf(string)),
}
type Given = ReadFields<typeof properties>

class Work implements SetWork {
  readonly #tx: WriteTx
  readonly #call: Call
  readonly #nowMs: number

  constructor(tx: WriteTx, call: Call) {
    this.#tx = tx
    this.#call = call
    this.#nowMs = call.services.clock.now()
  }

  async create(input: JsonObject): Promise<{ readonly id: string; readonly set: JsonObject }> {
    const { maxSubscriptions } = this.#call.services.settings.get(jmapSettings)
    const problems: PropertyProblem[] = []
    const given = readFields(properties, input, problems)
    // What is of a wrong type is not looked at any further.
    if (problems.length > 0) throw invalidProperties(problems)
    const keys = readKeys(given.keys, problems)
    const url = readUrl(given.url, problems)
    const expiresAt = this.#expiry(given.expires, problems, Infinity)
    checkTypes(given.types, problems)
    const { deviceClientId = '' } = given
    if (deviceClientId === '' || deviceClientId.length > longestText)
      problems.push({
        property: 'deviceClientId',
        problem: `must be a text of 1 to ${longestText} characters`,
      })
    if (given.verificationCode !== undefined && given.verificationCode !== null)
      problems.push({ property: 'verificationCode', problem: 'must be null' })
    if (problems.length > 0) throw invalidProperties(problems)
    const types = given.types ?? null
    const wanted = { deviceClientId, url, keys, types, createdAt: this.#nowMs, expiresAt }
    const id = await createPushSubscription(this.#tx, this.#call.access, wanted, { most: maxSubscriptions })
    const expires = utcSecondOf(expiresAt)
    return {
      id: pushSubscriptionId(id),
      set: {
        ...(given.keys === undefined ? { keys: null } : {}),
        ...(given.verificationCode === undefined ? { verificationCode: null } : {}),
        ...(given.expires === expires ? {} : { expires }),
        ...(given.types === undefined ? { types: null } : {}),
      },
    }
  }

  async update(text: string, patch: JsonObject): Promise<JsonObject | null> {
    const [id, row] = await this.#find(text)
    const problems: PropertyProblem[] = []
    const { id: sameId, ...rest } = patch
    const given = readFields(properties, rest, problems)
    if (problems.length > 0) throw invalidProperties(problems)
    if (sameId !== undefined && sameId !== text) problems.push(immutable('id'))
    if (given.deviceClientId !== undefined && given.deviceClientId !== row.deviceClientId)
      problems.push(immutable('deviceClientId'))
    if (given.url !== undefined && given.url !== row.url) problems.push(immutable('url'))
    if (given.keys !== undefined && !isSame(given.keys, row.keys)) problems.push(immutable('keys'))
    const { verificationCode } = given
    if (verificationCode !== undefined && !isSameCode(verificationCode, row))
      problems.push({ property: 'verificationCode', problem: 'is not the one that was sent' })
    checkTypes(given.types, problems)
    // RFC 9749 §5: none outlives the key that it was made with.
    const keyEnd = (await pushKeyEnds(this.#tx))(row.serverKey)
    const expiresAt =
      given.expires === undefined ? row.expiresAt : this.#expiry(given.expires, problems, keyEnd)
    if (problems.length > 0) throw invalidProperties(problems)
    this.#tx.put(pushSubscriptionTable, [this.#call.access.account, id], {
      ...row,
      expiresAt,
      isVerified: row.isVerified || verificationCode !== undefined,
      types: given.types === undefined ? row.types : given.types,
    })
    const expires = utcSecondOf(expiresAt)
    return given.expires === undefined || given.expires === expires ? null : { expires }
  }

  async destroy(text: string): Promise<void> {
    const [id] = await this.#find(text)
    this.#tx.delete(pushSubscriptionTable, [this.#call.access.account, id])
  }

  async #find(text: string): Promise<readonly [PushSubscriptionId, PushSubscriptionRow]> {
    const rows = await listPushSubscriptions(this.#tx, this.#call.access, this.#nowMs)
    const found = rows.find(([id]) => pushSubscriptionId(id) === text)
    // It may be noted on another worker at the same time what was told.
    const row = found && (await this.#tx.get(pushSubscriptionTable, this.#call.access.account, found[0]))
    if (found === undefined || row === undefined) throw notFound()
    return [found[0], row]
  }

  /** Never later than the longest, which is also what holds where nothing is said. */
  #expiry(given: string | null | undefined, problems: PropertyProblem[], end: number): number {
    const latest = Math.min(this.#nowMs + longestSubscriptionMs, end)
    if (given === null || given === undefined) return latest
    const wanted = timeOf(given)
    if (wanted <= this.#nowMs) problems.push({ property: 'expires', problem: 'must be later than now' })
    return Math.min(wanted, latest)
  }
}

const immutable = (property: string): PropertyProblem => ({ property, problem: 'cannot be changed' })

function checkTypes(types: Given['types'], problems: PropertyProblem[]): void {
  const isRight = (type: string): boolean => type !== '' && type.length <= longestText
  if (types !== undefined && types !== null && !(types.length <= mostTypes && types.every(isRight)))
    problems.push({ property: 'types', problem: 'must be names of types' })
}

function readUrl(given: string | undefined, problems: PropertyProblem[]): string {
  const wrong = (problem: string): string => {
    problems.push({ property: 'url', problem })
    return ''
  }
  const url = given === undefined || given.length > longestUrl ? null : URL.parse(given)
  if (url === null || !given!.startsWith('https://') || url.hostname === '')
    return wrong(`must be a URL that begins with "https://" and has at most ${longestUrl} characters`)
  if (url.username !== '' || url.password !== '') return wrong('must not have a password')
  if (!isNamed(url)) return wrong('must name a host')
  return given!
}

/** RFC 8291 §2.1: a point of P-256, uncompressed, and 16 bytes. */
function readKeys(given: Given['keys'], problems: PropertyProblem[]): PushKeys | null {
  if (given === undefined || given === null) return null
  const { p256dh, auth } = given
  const point = readBase64Url(p256dh)
  if (point?.length !== 65 || point[0] !== 4 || !isOnCurve(point))
    problems.push({ property: 'keys/p256dh', problem: 'must be a public key of P-256 in base64url' })
  const secret = readBase64Url(auth)
  if (secret?.length !== 16)
    problems.push({ property: 'keys/auth', problem: 'must be 16 bytes in base64url' })
  return { p256dh: point?.toString('base64url') ?? '', auth: secret?.toString('base64url') ?? '' }
}

const readBase64Url = (text: string | undefined): Buffer | undefined =>
  text !== undefined && /^[A-Za-z0-9_-]{1,100}={0,2}$/.test(text) ? Buffer.from(text, 'base64url') : undefined

function isOnCurve(point: Buffer): boolean {
  try {
    const own = createECDH('prime256v1')
    own.generateKeys()
    own.computeSecret(point)
    return true
  } catch {
    return false
  }
}

const isSame = (given: Given['keys'], row: PushKeys | null): boolean => {
  if (given === null || given === undefined || row === null) return (given ?? null) === row
  return given.p256dh === row.p256dh && given.auth === row.auth
}

function isSameCode(given: string | null, { code }: PushSubscriptionRow): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(code)]
  return one.length === other.length && timingSafeEqual(one, other)
}
