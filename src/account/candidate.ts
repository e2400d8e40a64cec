/**
 * What is known of somebody before they have proved anything, read in one snapshot: who they would be, what
 * their proof is compared with, and what stands in the way even of the right one.
 *
 * What must always hold: what stands in the way is looked at before the proof and told only after it, to the
 * log and never to the peer.
 */
import { networkContains, parseIp, parseNetwork } from '#base/ip.ts'
import type { AccountId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { type Access, accessOf } from './access.ts'
import {
  administratorId,
  type CredentialRow,
  credentialTable,
  type MailProtocol,
  type PasswordRow,
  passwordTable,
  secondFactorTable,
} from './credential-tables.ts'
import { allPermissions, builtInRoles, mailProgramPermissions, type Permission } from './permission.ts'
import { type CredentialId, digestOf, type GivenSecret, isSameDigest } from './shown-once.ts'
import { findSigner, type Signer } from './signer.ts'
import { accountRowTable } from './tables.ts'

/** Where somebody tries to sign in from: for events, and for limits. */
export interface SignInSource {
  readonly ip: string
  /** `smtp`, `submission`, `imap`, `http`, ... */
  readonly protocol: string
}

/** The name of the administrator who has no account. */
export const administratorName = 'admin'

/** What the administrator without an account is and may do. */
export const administratorAccess = (name = administratorName): Access => ({
  account: administratorId,
  name,
  emails: [],
  groups: [],
  permissions: new Set(allPermissions),
})

export interface Candidate {
  /** Whose password it is; undefined: nobody's. */
  readonly owner: AccountId | undefined
  /** Who they would be; undefined: nobody. */
  readonly access: Access | undefined
  readonly password: PasswordRow | undefined
  readonly hasSecondFactor: boolean
  /** Why the right proof does not help. For the log. */
  readonly obstacle: string | undefined
}

const nobody: Candidate = {
  owner: undefined,
  access: undefined,
  password: undefined,
  hasSecondFactor: false,
  obstacle: undefined,
}

/** Whether sign-in happens in a browser or a program that can ask for a code of a second factor. */
export const canAskForCode = (protocol: string): boolean => protocol === 'http'

export async function readCandidate(tx: ReadTx, name: string, from: SignInSource): Promise<Candidate> {
  const signer = await findSigner(tx, name)
  if (signer === undefined) return nobody
  const access = await accessOf(tx, signer.id, signer.row)
  const factor = await tx.get(secondFactorTable, signer.id)
  return {
    owner: signer.id,
    access,
    password: await tx.get(passwordTable, signer.id),
    hasSecondFactor: factor?.confirmedAt !== undefined,
    obstacle:
      accountObstacle(access.permissions, signer, from.protocol) ??
      addressObstacle(signer.row.allowedIps, from.ip),
  }
}

/** As `readCandidate`, where the account is known by its number. */
export async function readCandidateById(tx: ReadTx, id: AccountId, from: SignInSource): Promise<Candidate> {
  const row = await tx.get(accountRowTable, id)
  return row === undefined ? nobody : readCandidate(tx, row.name, from)
}

export async function readAdministrator(tx: ReadTx): Promise<Candidate> {
  const password = await tx.get(passwordTable, administratorId)
  const factor = await tx.get(secondFactorTable, administratorId)
  const hasSecondFactor = factor?.confirmedAt !== undefined
  return {
    owner: administratorId,
    access: administratorAccess(),
    password,
    hasSecondFactor,
    obstacle: undefined,
  }
}

/** Somebody with a name, as themselves or as another. */
export interface Acting {
  /** Of whom the access would be. */
  readonly name: string
  readonly candidate: Candidate
  readonly by?: string
}

/**
 * Who would act as whom: `actAs` where the protocol has a place for it (RFC 4422 §3.4.1), or a name of the
 * form `other%name`.
 */
export async function readActing(
  tx: ReadTx,
  o: { readonly name: string; readonly actAs: string | undefined; readonly from: SignInSource },
  find: typeof readCandidate = readCandidate,
): Promise<Acting> {
  const { name, actAs, from } = o
  const own = await find(tx, name, from)
  const percent = own.access === undefined && actAs === undefined ? name.lastIndexOf('%') : -1
  if (percent > 0) {
    const [other, by] = [name.slice(0, percent), name.slice(percent + 1)]
    const target = await readCandidate(tx, other, from)
    return { name: other, by, candidate: actingAs(await find(tx, by, from), target) }
  }
  if (actAs === undefined) return { name, candidate: own }
  const target = await readCandidate(tx, actAs, from)
  if (target.owner !== undefined && target.owner === own.owner) return { name, candidate: own }
  return { name: actAs, by: name, candidate: actingAs(own, target) }
}

/** What stands in the way of the account's own password, beyond what stands in the way of all. */
export function passwordObstacle({ password, hasSecondFactor }: Candidate, nowMs: number, protocol: string) {
  if (password?.expiresAt !== undefined && password.expiresAt <= nowMs) return 'the password has expired'
  return hasSecondFactor && !canAskForCode(protocol)
    ? 'the second factor is on, so mail programs need an app password'
    : undefined
}

export interface SecondaryCandidate {
  readonly id: CredentialId
  readonly isRight: boolean
  /** What it gives. */
  readonly access: Access
  readonly obstacle: string | undefined
}

/** The app password or API key that was given, whether or not it is the right one; undefined where there is none such. */
export async function readSecondary(
  tx: ReadTx,
  { access, obstacle }: { readonly access: Access; readonly obstacle: string | undefined },
  kind: CredentialRow['kind'],
  given: GivenSecret,
  at: SignInSource & { readonly nowMs: number },
): Promise<SecondaryCandidate | undefined> {
  const row = await tx.get(credentialTable, access.account, given.id)
  if (row === undefined || row.kind !== kind) return undefined
  return {
    id: given.id,
    isRight: isSameDigest(row.digest, digestOf(access.account, given.id, given.secret)),
    access: restrict(access, given.id, row),
    obstacle: obstacle ?? credentialObstacle(row, at),
  }
}

function credentialObstacle(row: CredentialRow, at: SignInSource & { readonly nowMs: number }) {
  if (row.expiresAt !== undefined && row.expiresAt <= at.nowMs) return 'the credential has expired'
  if (row.kind === 'appPassword' && !isFor(row, at.protocol))
    return `the app password is not for ${at.protocol}`
  return addressObstacle(row.allowedIps, at.ip)
}

/** What the protocols of sessions count as. */
const counted: Readonly<Record<string, MailProtocol>> = {
  smtp: 'smtp',
  submission: 'smtp',
  imap: 'imap',
  pop3: 'pop3',
  managesieve: 'managesieve',
  jmap: 'jmap',
  dav: 'dav',
}

function isFor({ protocols }: CredentialRow, protocol: string): boolean {
  const known = Object.hasOwn(counted, protocol) ? counted[protocol] : undefined
  return known !== undefined && (protocols.length === 0 || protocols.includes(known))
}

/**
 * What somebody may who signed in with this credential. An app password is for mail programs: it manages nothing,
 * whatever its owner may and over whichever protocol, since no second factor stands before it.
 */
export function restrict(access: Access, id: CredentialId, row: CredentialRow): Access {
  const left = limited(access.permissions, row)
  const permissions = row.kind === 'apiKey' ? left : left.filter((one) => mailProgramPermissions.has(one))
  return { ...access, credential: id, protocols: row.protocols, permissions: new Set(permissions) }
}

/** Of some permissions those that a credential does not take away. */
export function limited(
  permissions: Iterable<Permission>,
  { permissions: { mode, permissions: listed } }: Pick<CredentialRow, 'permissions'>,
): readonly Permission[] {
  const known = new Set(listed)
  return [...permissions].filter((one) => mode === 'inherit' || known.has(one) === (mode === 'replace'))
}

function accountObstacle(
  permissions: ReadonlySet<Permission>,
  { row, isDomainEnabled, byAlias }: Signer,
  protocol: string,
): string | undefined {
  if (!row.enabled) return 'the account is disabled'
  if (!isDomainEnabled) return 'the domain is disabled'
  if (!permissions.has('authenticate')) return 'no permission to sign in'
  if (protocol === 'imap' && !permissions.has('imapAuthenticate')) return 'no permission to use IMAP'
  if (protocol === 'jmap' && !permissions.has('jmapAuthenticate')) return 'no permission to use JMAP'
  return byAlias && !permissions.has('authenticateWithAlias')
    ? 'no permission to sign in with an alias'
    : undefined
}

function addressObstacle(allowed: readonly string[], ip: string): string | undefined {
  if (allowed.length === 0) return undefined
  const bytes = parseIp(ip)
  const isAllowed = allowed.some((text) => {
    const network = parseNetwork(text)
    return network !== undefined && bytes !== undefined && networkContains(network, bytes)
  })
  return isAllowed ? undefined : 'not from this address'
}

const ordinary: ReadonlySet<Permission> = new Set(builtInRoles.get('user')!.enabled)

/**
 * `by` signs in to `target`, the master login. Whoever may do it gains no right to administer that they have
 * not: an account with more of those stays closed to them.
 */
function actingAs(by: Candidate, target: Candidate): Candidate {
  const { access } = target
  const obstacle = by.obstacle ?? actingObstacle(by.access, access) ?? target.obstacle
  return { ...by, access, obstacle }
}

/** Why one may not act as the other; undefined: one may. */
export function actingObstacle(by: Access | undefined, target: Access | undefined): string | undefined {
  const mine = by?.permissions
  if (mine?.has('impersonate') !== true) return 'no permission to sign in as another'
  if (target === undefined) return 'there is no such account to act as'
  const isAbove = [...target.permissions].some((one) => !ordinary.has(one) && !mine.has(one))
  return isAbove ? 'the other account may do more' : undefined
}
