/** The workloads in the order they run, each with the name by which results are compared. */
import type { ImapJob, Job, OutboundJob, SmtpJob } from './load/job.ts'
import { operations } from './load/imap-operations.ts'
import { jmapOperations } from './load/jmap-operations.ts'
import { outboundDestinations, type Target } from './target.ts'

export interface Workload {
  readonly name: string
  readonly needs: 'smtp' | 'imap' | 'submission' | 'jmap'
  /** Size of the mailbox that must be there. */
  readonly mailbox?: number
  /** By servers that have just been started and find nothing in memory. */
  readonly cold?: true
  job(target: Target, seconds: number): Job
}

type SmtpShape = Pick<SmtpJob, 'reuse' | 'pipelining' | 'connections' | 'sizeBytes' | 'recipients'>

const small = 4 * 1024
const large = 50 * 1024
const sizes = [small, large]
const connectionCounts = [1, 16, 64]

/** Connections of the operations that are measured with others than one. */
const connectionsOf: { readonly [operation: string]: readonly number[] } = {
  append: [1, 16],
  'login+select+logout': [1, 16],
  select: [1, 16],
  noop: [1, 16],
  'fetch envelope of all': [1, 16],
  'fetch body random': [1, 16],
  'store flag random': [1, 16],
  'search unseen': [1, 16],
  'search subject': [1, 16],
  'copy 1': [1, 16],
  'move 1': [1, 16],
  'expunge 1': [1, 16],
  mixed: [10, 100],
}

const ofLarge = [
  'select',
  'fetch flags of all',
  'fetch envelope+bodystructure of all',
  'fetch body random',
  'search subject',
  'search body',
  'search text',
  'sort by date',
  'thread',
]

const cold = [
  'select',
  'fetch flags of all',
  'fetch envelope+bodystructure of all',
  'fetch body random',
  'search subject',
  'search body',
]

function smtpShapes(): readonly SmtpShape[] {
  const usual = { reuse: true, pipelining: true, recipients: 'all' as const }
  const scattered = connectionCounts.flatMap((connections) =>
    sizes.map((sizeBytes) => ({ ...usual, connections, sizeBytes })),
  )
  const one = sizes.flatMap((sizeBytes) =>
    [1, 16, 64].map((connections) => ({ ...usual, connections, sizeBytes, recipients: 'one' as const })),
  )
  const polite = [1, 16].map((connections) => ({
    ...usual,
    pipelining: false,
    connections,
    sizeBytes: small,
  }))
  const single = [true, false].map((pipelining) => ({
    ...usual,
    reuse: false,
    pipelining,
    connections: 16,
    sizeBytes: small,
  }))
  return [...scattered, ...one, ...polite, ...single]
}

function smtpName(shape: SmtpShape): string {
  const how = `${shape.reuse ? 'reuse' : 'perconn'}-${shape.pipelining ? 'pipe' : 'nopipe'}`
  const to = shape.recipients === 'one' ? ' one account' : ''
  return `inbound ${how} ${shape.sizeBytes / 1024}k c=${shape.connections}${to}`
}

type OutboundShape = Pick<OutboundJob, 'connections' | 'destinations' | 'perSecond'>

/** Of the last one the time until the first attempt tells most: nothing waits for its turn. */
const outboundShapes: readonly (readonly [name: string, OutboundShape])[] = [
  ...connectionCounts.map(
    (connections) => [`4k c=${connections}`, { connections, destinations: 1 }] as const,
  ),
  [`4k c=16 ${outboundDestinations} destinations`, { connections: 16, destinations: outboundDestinations }],
  ['4k c=4 50/s', { connections: 4, destinations: outboundDestinations, perSecond: 50 }],
]

/** Sizes of the mailboxes that are read; `large` is 0 where there is only one. */
export interface Mailboxes {
  readonly messages: number
  readonly large: number
}

function imapWorkload(name: string, operation: string, messages: number, job: Partial<ImapJob>): Workload {
  return {
    name: `imap ${name}`,
    needs: 'imap',
    mailbox: messages,
    ...(job.cold && { cold: job.cold }),
    job: (target, seconds) => ({
      kind: 'imap',
      target,
      seconds,
      operation,
      connections: 1,
      messages,
      ...job,
    }),
  }
}

function imapWorkloads({ messages, large }: Mailboxes): readonly Workload[] {
  const usual = Object.keys(operations).flatMap((operation) =>
    (connectionsOf[operation] ?? [1]).map((connections) =>
      imapWorkload(`${operation} c=${connections}`, operation, messages, { connections }),
    ),
  )
  const inLarge = ofLarge.map((operation) => imapWorkload(`${operation} in ${large}`, operation, large, {}))
  const sizes = large === 0 ? [messages] : [messages, large]
  const afterStart = sizes.flatMap((size) =>
    cold.map((operation) => imapWorkload(`${operation} in ${size} cold`, operation, size, { cold: true })),
  )
  return [...usual, ...(large === 0 ? [] : inLarge), ...afterStart]
}

function jmapWorkloads({ messages, large }: Mailboxes): readonly Workload[] {
  const sizes = large === 0 ? [messages] : [messages, large]
  return sizes.flatMap((size) =>
    Object.keys(jmapOperations).flatMap((operation) =>
      (size === messages ? [1, 16] : [1]).map((connections): Workload => ({
        name: `jmap ${operation}${size === messages ? '' : ` in ${size}`} c=${connections}`,
        needs: 'jmap',
        mailbox: size,
        job: (target, seconds) => ({
          kind: 'jmap',
          target,
          seconds,
          operation,
          connections,
          messages: size,
        }),
      })),
    ),
  )
}

/** All of them, or those whose name `only` matches. */
export function workloads(mailboxes: Mailboxes, only?: RegExp): readonly Workload[] {
  const inbound = smtpShapes().map((shape): Workload => ({
    name: smtpName(shape),
    needs: 'smtp',
    job: (target, seconds) => ({ kind: 'smtp', target, seconds, ...shape }),
  }))
  const outbound = outboundShapes.map(([name, shape]): Workload => ({
    name: `outbound ${name}`,
    needs: 'submission',
    job: (target, seconds) => ({ kind: 'outbound', target, seconds, sizeBytes: small, ...shape }),
  }))
  return [...inbound, ...outbound, ...imapWorkloads(mailboxes), ...jmapWorkloads(mailboxes)].filter(
    ({ name }) => only === undefined || only.test(name),
  )
}
