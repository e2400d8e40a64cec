/**
 * Quotas of an account (RFC 9425 §4): those that IMAP shows as well, each only where there is a limit.
 *
 * Limits are changed by administrators, of which no change log tells; so the state says the numbers themselves, and
 * from an old one the quotas can be read as they were.
 */
import { listMailboxes, quotaUsage } from '#mail/mailbox.ts'
import type { MailLimits } from '#mail/limits.ts'
import type { OpenAccount } from './accounts.ts'
import type { Call } from './method.ts'
import type { JmapServices } from './services.ts'
import type { JsonObject } from './value.ts'

export const quotaCapability = 'urn:ietf:params:jmap:quota'
const mail = 'urn:ietf:params:jmap:mail'

/** What is counted. */
interface Usage {
  readonly usedBytes: number
  readonly messages: number
  readonly mailboxes: number
}

interface QuotaKind {
  readonly id: string
  readonly resourceType: 'octets' | 'count'
  readonly name: string
  readonly description: string
  readonly types: readonly string[]
  limit(limits: MailLimits): number
  used(usage: Usage): number
}

const kinds: readonly QuotaKind[] = [
  {
    id: 'octets',
    resourceType: 'octets',
    name: 'Storage',
    description: 'How much the messages of the account may take together.',
    types: ['Email'],
    limit: ({ bytes }) => bytes,
    used: ({ usedBytes }) => usedBytes,
  },
  {
    id: 'messages',
    resourceType: 'count',
    name: 'Messages',
    description: 'How many messages the account may have.',
    types: ['Email'],
    limit: ({ messages }) => messages,
    used: ({ messages }) => messages,
  },
  {
    id: 'mailboxes',
    resourceType: 'count',
    name: 'Mailboxes',
    description: 'How many mailboxes the account may have.',
    types: ['Mailbox'],
    limit: ({ mailboxes }) => mailboxes,
    used: ({ mailboxes }) => mailboxes,
  },
]

export interface Quota {
  readonly kind: QuotaKind
  readonly used: number
  readonly hardLimit: number
}

export type Quotas = readonly Quota[]

type Services = Pick<JmapServices, 'db' | 'limitsOf'>

/** The account's quotas, whoever asks. */
export async function readQuotas({ db, limitsOf }: Services, account: OpenAccount['id']): Promise<Quotas> {
  const limits = await limitsOf(account)
  const usage = await db.read(async (tx) => ({
    ...(await quotaUsage(tx, account)),
    mailboxes: limits.mailboxes === 0 ? 0 : (await listMailboxes(tx, account)).length,
  }))
  return kinds.flatMap((kind) => {
    const hardLimit = kind.limit(limits)
    return hardLimit === 0 ? [] : [{ kind, hardLimit, used: kind.used(usage) }]
  })
}

/**
 * Those that the user is told of: what an account holds is the business of those only who may read something in it
 * (RFC 9208 §8), and of types that a request does not use nothing is said (RFC 9425 §4.1).
 */
export async function visibleQuotas(call: Call, account: OpenAccount): Promise<Quotas> {
  if (!call.using.has(mail) || !(await mayReadSomething(call, account))) return []
  return readQuotas(call.services, account.id)
}

async function mayReadSomething({ services }: Call, account: OpenAccount): Promise<boolean> {
  if (account.isOwn) return true
  const mailboxes = await services.db.read((tx) => listMailboxes(tx, account.id))
  return mailboxes.some((mailbox) => account.mayRead(mailbox))
}

/** As all lists of quotas are. */
export const inOrder = (quotas: Quotas): Quotas =>
  quotas.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))

export const stateOfQuotas = (quotas: Quotas): string =>
  `q${quotas
    .map(
      ({ kind, used, hardLimit }) => `-${kinds.indexOf(kind)}.${used.toString(36)}.${hardLimit.toString(36)}`,
    )
    .join('')}`

/** Longer states are none of ours. */
const longestState = 200

/** The quotas as they were then; undefined for what we never gave out. */
export function quotasOfState(state: string): Quotas | undefined {
  if (state.length > longestState || !/^q(?:-\d\.[0-9a-z]{1,11}\.[0-9a-z]{1,11})*$/.test(state))
    return undefined
  const quotas = state
    .split('-')
    .slice(1)
    .flatMap((one) => {
      const [index, used, hardLimit] = one.split('.').map((digits) => Number.parseInt(digits, 36))
      const kind = kinds[index!]
      return kind === undefined ? [] : [{ kind, used: used!, hardLimit: hardLimit! }]
    })
  return stateOfQuotas(inOrder([...new Map(quotas.map((quota) => [quota.kind, quota])).values()])) === state
    ? quotas
    : undefined
}

export const quotaProperties = [
  'id',
  'resourceType',
  'used',
  'hardLimit',
  'scope',
  'name',
  'types',
  'warnLimit',
  'softLimit',
  'description',
] as const

export const quotaObject = ({ kind, used, hardLimit }: Quota): JsonObject => ({
  id: kind.id,
  resourceType: kind.resourceType,
  used,
  hardLimit,
  scope: 'account',
  name: kind.name,
  types: kind.types,
  warnLimit: null,
  softLimit: null,
  description: kind.description,
})
