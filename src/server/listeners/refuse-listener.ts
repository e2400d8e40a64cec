/**
 * What the machine has against a listener that somebody wants to keep in the store: a port that another program
 * has, that this user may not open, or that another listener has. It is said before it is kept.
 */
import type { PropertyProblem } from '#base/fault.ts'
import { networkListener } from '#net/settings.ts'
import type { LiveSettings } from '#registry/live.ts'
import type { SettingsHandlerOptions } from '#registry/settings-handler.ts'
import type { SocketAddress } from '#settings/field.ts'
import { planListeners } from './listener-plans.ts'
import { probePorts } from './ports.ts'

export const refuseListener =
  (settings: LiveSettings): NonNullable<SettingsHandlerOptions['refuse']> =>
  async (object, { id, values }) => {
    if (object.name !== networkListener.name) return []
    const { plans } = planListeners(settings)
    const problems: PropertyProblem[] = []
    for (const { ip, port } of values['bind'] as readonly SocketAddress[]) {
      const holders = plans.filter(({ bind }) => bind.some((one) => one.port === port))
      const other = holders.find((plan) => plan.id !== id && plan.bind.some((one) => one.ip === ip))
      const problem =
        other === undefined
          ? await troubleOf({ id, ip, port, isOurs: holders.length > 0 })
          : `has port ${port} on ${ip}, which the listener "${other.id}" has already`
      if (problem !== undefined) problems.push({ property: 'bind', problem })
    }
    return problems
  }

/** A port that we have at another address, or of which the system chooses one, is no question of others. */
async function troubleOf(o: {
  id: string
  ip: string
  port: number
  isOurs: boolean
}): Promise<string | undefined> {
  const { id, ip, port, isOurs } = o
  if (isOurs || port === 0) return undefined
  return await probePorts([{ id, bind: [{ ip, port }], isStored: true }]).then(
    () => undefined,
    // What to do about it follows in further lines; here it stands after the name of the field.
    (error: Error) => `has a port that cannot be had. ${error.message.split('\n')[0]!}`,
  )
}
