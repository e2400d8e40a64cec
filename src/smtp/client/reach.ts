/** Whether other servers can be reached at all: one of a domain that surely answers greets, or nobody does. */
import type { Resolver } from '#dns/resolution.ts'
import { ClientConnection, ConnectionTrouble } from './client-connection.ts'
import { addressesOf, hostsOf } from './hosts.ts'
import { replyText } from './reply-reader.ts'

export interface ReachOptions {
  readonly resolver: Resolver
  readonly domain: string
  readonly port: number
  readonly ownName: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type Reached =
  | { readonly kind: 'reached'; readonly host: string; readonly ip: string; readonly said: string }
  /** What each said that was tried. */
  | { readonly kind: 'unreached'; readonly tried: readonly string[] }
  /** The DNS named nobody to be tried. */
  | { readonly kind: 'unknown'; readonly why: string }

const mostTried = 3

export async function reachDomain(o: ReachOptions): Promise<Reached> {
  const { resolver, domain, signal, ownName } = o
  const found = await hostsOf(resolver, domain, {
    most: mostTried,
    ownNames: [ownName],
    signal,
    random: Math.random,
  })
  if ('verdict' in found) return { kind: 'unknown', why: found.verdict.said }
  const tried: string[] = []
  let why = `the servers of ${domain} have no address`
  for (const { name } of found.hosts) {
    const addresses = await addressesOf(resolver, name, { order: 'v4ThenV6', most: 1, signal })
    if ('verdict' in addresses) {
      why = addresses.verdict.said
      continue
    }
    for (const ip of addresses.ips.slice(0, 1)) {
      const said = await greetingOf(ip, o)
      if (said.isGreeting) return { kind: 'reached', host: name, ip, said: said.text }
      tried.push(`${name} (${ip}): ${said.text}`)
    }
  }
  return tried.length === 0 ? { kind: 'unknown', why } : { kind: 'unreached', tried }
}

async function greetingOf(
  ip: string,
  { port, timeoutMs, signal }: ReachOptions,
): Promise<{ readonly isGreeting: boolean; readonly text: string }> {
  try {
    const connection = await ClientConnection.open({ ip, port, timeoutMs, signal })
    try {
      const reply = await connection.reply('greeting', timeoutMs)
      connection.send('QUIT')
      return { isGreeting: true, text: replyText(reply) }
    } finally {
      connection.destroy()
    }
  } catch (error) {
    if (!(error instanceof ConnectionTrouble)) throw error
    return { isGreeting: false, text: error.message }
  }
}
