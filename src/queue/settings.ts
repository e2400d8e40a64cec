/**
 * What administrators may say about mail that waits and goes out: queues, schedules, routes. Without any, mail
 * goes to the servers that DNS names, with the times of the built-in schedules.
 */
import { boolean, duration, integer, list, oneOf, secret, text } from '#settings/field.ts'
import { type Settings, settingsObject } from '#settings/object.ts'
import type { Schedule } from './retry.ts'
import type { Relay } from './transport.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const mtaDeliverySchedule = settingsObject({
  name: 'MtaDeliverySchedule',
  title: 'Delivery schedules',
  help: 'When mail is tried again and given up. The ids "local", "remote", "dsn" and "report" change the built-in ones.',
  many: true,
  classic: 'queue.schedule',
  fields: {
    retry: list(duration({ fallback: undefined, min: 1000, help: 'A wait.' }), {
      fallback: [2, 5, 10, 15, 30, 60, 120, 1440, 4320].map((minutes) => minutes * minute),
      min: 1,
      max: 50,
      help: 'Waits between attempts; the last one repeats.',
    }),
    notify: list(duration({ fallback: undefined, min: minute, help: 'A time.' }), {
      fallback: [day, 3 * day],
      max: 20,
      help: 'How long after it came in a delay is told to the sender.',
    }),
    expire: duration({
      fallback: 3 * day,
      min: minute,
      classic: 'expire',
      help: 'How long after it came in a message is given up.',
    }),
  },
})

const mtaVirtualQueue = settingsObject({
  name: 'MtaVirtualQueue',
  title: 'Virtual queues',
  help: 'How many messages are on their way at a time. The ids "local", "remote", "dsn" and "report" change the built-in ones.',
  many: true,
  classic: 'queue.virtual',
  fields: {
    threadsPerNode: integer({
      fallback: 50,
      min: 1,
      max: 10_000,
      help: 'Attempts at a time.',
      classic: 'threads',
    }),
  },
})

const mtaRoute = settingsObject({
  name: 'MtaRoute',
  title: 'Routes',
  help: 'Servers that take mail for some domains, or all of it, in place of those that DNS names.',
  many: true,
  classic: 'queue.route',
  fields: {
    domains: list(text({ fallback: undefined, help: 'A domain.', allowed: 'a domain, *.domain or *' }), {
      fallback: ['*'],
      max: 1000,
      help: "The recipients' domains: example.net, *.example.net for those below, * for all others.",
    }),
    address: text({
      fallback: '',
      required: true,
      help: 'The name or address of the server.',
      allowed: 'a host name or an IP address',
      normalise: (given) => (/^[A-Za-z0-9_.:-]{1,255}$/.test(given) ? given : undefined),
    }),
    port: integer({ fallback: 25, min: 1, max: 65_535, help: 'Its port.' }),
    protocol: oneOf(['smtp', 'lmtp'], { fallback: 'smtp', help: 'What is spoken there.' }),
    implicitTls: boolean({
      fallback: false,
      classic: 'tls.implicit',
      help: 'Whether the connection begins with TLS, as on port 465.',
    }),
    allowInvalidCerts: boolean({
      fallback: false,
      classic: 'tls.allow-invalid-certs',
      help: 'Whether a certificate is taken that nobody vouches for.',
    }),
    authUsername: text({ fallback: undefined, classic: 'auth.username', help: 'The name to sign in with.' }),
    authSecret: secret({ fallback: undefined, classic: 'auth.secret', help: 'The password for it.' }),
  },
})

export const mtaOutbound = settingsObject({
  name: 'MtaOutboundStrategy',
  title: 'Outgoing mail',
  help: 'Limits of what is sent to other servers.',
  many: false,
  fields: {
    maxPerDestination: integer({
      fallback: 10,
      min: 1,
      max: 1000,
      help: 'Messages on their way to one domain at a time.',
      classic: 'queue.max-per-destination',
    }),
    maxRecipientsPerHour: integer({
      fallback: 1000,
      min: 0,
      help: 'Recipients on other servers that one account may send to in an hour; 0: no limit.',
    }),
    maxRecipientsPerDay: integer({
      fallback: 5000,
      min: 0,
      help: 'The same for a day.',
    }),
    maxRecipients: integer({
      fallback: 100,
      min: 1,
      max: 1000,
      help: 'Recipients of one message that are named in one transaction.',
    }),
  },
})

export const queueSettings = [mtaDeliverySchedule, mtaVirtualQueue, mtaRoute, mtaOutbound] as const

/** Names of the queues and schedules that exist without being configured. */
export type BuiltInQueue = 'local' | 'remote' | 'dsn' | 'report'

const usual: Schedule = {
  retryMs: mtaDeliverySchedule.fields.retry.fallback,
  notifyMs: mtaDeliverySchedule.fields.notify.fallback,
  expireMs: mtaDeliverySchedule.fields.expire.fallback,
}
const builtInSchedules: Readonly<Record<BuiltInQueue, Schedule>> = {
  local: usual,
  remote: usual,
  dsn: { retryMs: [15 * minute, 30 * minute, hour, 2 * hour], notifyMs: [], expireMs: day },
  report: { retryMs: [30 * minute, hour, 2 * hour, 4 * hour], notifyMs: [], expireMs: day },
}
const builtInThreads: Readonly<Record<BuiltInQueue, number>> = { local: 25, remote: 50, dsn: 5, report: 5 }

export function scheduleOf(settings: Pick<Settings, 'each'>, queue: BuiltInQueue): Schedule {
  const found = settings.each(mtaDeliverySchedule).find(({ id }) => id === queue)
  return found === undefined
    ? builtInSchedules[queue]
    : {
        retryMs: found.retry,
        notifyMs: found.notify,
        expireMs: found.expire,
      }
}

export function threadsOf(settings: Pick<Settings, 'each'>, queue: BuiltInQueue): number {
  return (
    settings.each(mtaVirtualQueue).find(({ id }) => id === queue)?.threadsPerNode ?? builtInThreads[queue]
  )
}

/** The most specific route for a domain; undefined: by MX. */
export function relayFor(settings: Pick<Settings, 'each'>, domain: string): Relay | undefined {
  const routes = settings.each(mtaRoute)
  const candidates = [domain, ...parents(domain).map((parent) => `*.${parent}`), '*']
  for (const candidate of candidates) {
    const found = routes.find(({ domains }) => domains.some((one) => one?.toLowerCase() === candidate))
    if (found === undefined) continue
    const { id, address, port, protocol, implicitTls, allowInvalidCerts, authUsername, authSecret } = found
    return {
      name: id,
      address,
      port,
      protocol,
      implicitTls,
      allowInvalidCerts,
      ...(authUsername === undefined ? {} : { username: authUsername }),
      ...(authSecret === undefined ? {} : { secret: () => authSecret.reveal() }),
    }
  }
  return undefined
}

const parents = (domain: string): readonly string[] => {
  const labels = domain.split('.')
  return labels.slice(1).map((_, i) => labels.slice(i + 1).join('.'))
}
