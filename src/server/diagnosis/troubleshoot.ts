/** Where mail for an address goes and why, and whether it gets there: for administrators who wonder. */
import type { TryDelivery } from '#admin/troubleshoot.ts'
import type { Resolution } from '#account/lookup.ts'
import { destinationOf } from '#queue/route.ts'
import type { Destination, ProbeStep, Prober } from '#queue/transport.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { httpFailed } from '../events.ts'

export interface TroubleshootDeps {
  readonly settings: Settings
  readonly accounts: { resolve(address: string): Promise<Resolution> }
  readonly prober: Prober
  readonly telemetry: Telemetry
}

export function deliveryTester(deps: TroubleshootDeps): TryDelivery {
  return async (envelope, o) => {
    try {
      return await tryDelivery(deps, envelope, o)
    } catch (error) {
      if (!o.signal.aborted)
        deps.telemetry.emit(httpFailed, { error, request: '', path: 'a test of a delivery' })
      throw error
    }
  }
}

async function tryDelivery(
  { settings, accounts, prober }: TroubleshootDeps,
  { from, to }: Parameters<TryDelivery>[0],
  { signal, tell }: Parameters<TryDelivery>[1],
): Promise<boolean> {
  const found = await accounts.resolve(to)
  if (found.kind !== 'remote') {
    const step = hereText(found, to)
    tell({ step: 'route', ...step })
    return step.result === 'ok'
  }
  const destination = await destinationOf({ settings, isLocal: () => false }, to)
  tell({ step: 'route', result: 'ok', said: awayText(destination) })
  return prober.probe(destination, { from, to }, { signal, tell })
}

function hereText(
  found: Exclude<Resolution, { kind: 'remote' }>,
  to: string,
): Omit<ProbeStep, 'step'> & { readonly result: 'ok' | 'problem' } {
  if (found.kind === 'unknownUser')
    return {
      result: 'problem',
      said: `The domain is one of this server, and it has nobody with the address ${to}`,
      advice: 'Create the account, an alias or a list; `postern account list` shows who there is.',
    }
  if (found.kind === 'list')
    return { result: 'ok', said: `${to} is a mailing list of this server, and goes to its recipients` }
  const { account, detail, mayReceive } = found
  if (!mayReceive)
    return {
      result: 'problem',
      said: `${to} is the account ${account.name} of this server, which may not be delivered mail`,
      advice: `Its roles lack emailReceive: \`postern account explain ${account.name}\` says why.`,
    }
  const how =
    account.name === to
      ? 'is an account of this server'
      : detail === undefined
        ? `leads to the account ${account.name} of this server, by an alias or its domain`
        : `leads to the account ${account.name} of this server, without what stands behind the +`
  return { result: 'ok', said: `${to} ${how}: it is delivered here` }
}

function awayText({ route }: Destination): string {
  if (route.kind === 'relay')
    return `The route "${route.name}" (MtaRoute) sends it to ${route.address}, port ${route.port}, by ${route.protocol.toUpperCase()}`
  return route.kind === 'mx'
    ? `The domain ${route.domain} is not one of this server, and no route is for it: the DNS says where it goes`
    : 'It is delivered here'
}
