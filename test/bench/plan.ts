/** The workloads in the order they run, each with the name by which results are compared. */
import type { ImapJob, Job, OutboundJob, SmtpJob } from './load/job.ts'
import { operations } from './load/imap-operations.ts'
import { outboundDestinations, type Target } from './target.ts'

export interface Workload {
  readonly name: string
  readonly needs: 'smtp' | 'imap' | 'submission'
  job(target: Target, seconds: number): Job
}

type SmtpShape = Pick<SmtpJob, 'reuse' | 'pipelining' | 'connections' | 'sizeBytes' | 'recipients'>

const small = 4 * 1024
const large = 50 * 1024
const sizes = [small, large]
const connectionCounts = [1, 16, 64]

/** Operations measured with several connections too. */
const alsoWith16 = ['append', 'login+select+logout', 'fetch body random']

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

/** All of them, or those whose name `only` matches. `messages`: size of the mailbox that is read. */
export function workloads(messages: number, only?: RegExp): readonly Workload[] {
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
  const imap = Object.keys(operations).flatMap((operation) =>
    (alsoWith16.includes(operation) ? [1, 16] : [1]).map((connections): Workload => ({
      name: `imap ${operation} c=${connections}`,
      needs: 'imap',
      job: (target, seconds): ImapJob => ({
        kind: 'imap',
        target,
        seconds,
        operation,
        connections,
        messages,
      }),
    })),
  )
  return [...inbound, ...outbound, ...imap].filter(({ name }) => only === undefined || only.test(name))
}
