/**
 * The open listeners of one worker, and their change while it runs. What stays the same is not touched: no
 * connection of an unchanged listener notices. One that is removed takes nobody new, and its sessions go on.
 */
import type { ListenerFacts } from '#admin/server-facts.ts'
import type { RunningCount } from '#base/running-count.ts'
import type { CertificateSet } from '#net/certificate-set.ts'
import type { Endpoint } from '#net/connection.ts'
import { Listener } from '#net/listener.ts'
import type { Protocol, SocketProtocol } from '#net/protocol.ts'
import type { ListenerTerms } from '#net/listener-options.ts'
import { TlsContexts } from '#net/tls-contexts.ts'
import type { Trouble } from '#net/trouble.ts'
import type { SocketAddress } from '#settings/field.ts'
import type { ListenerPlan, OpenService } from './listener-plans.ts'
import { adviseOnPort, probePorts } from './ports.ts'

export interface ListenerSetOptions {
  readonly protocols: { readonly [S in OpenService]?: Protocol | SocketProtocol }
  readonly certificates: CertificateSet
  readonly ticketKeys: Buffer
  /** Several workers listen on the same ports. */
  readonly isShared: boolean
  /** The connections of all workers. */
  readonly present: RunningCount<string>
  /** A port that the system chooses cannot be shared: one worker has it alone. */
  readonly mayChoosePorts: boolean
  readonly onTrouble: (trouble: Trouble) => void
}

interface Open {
  readonly plan: ListenerPlan
  readonly listener: Listener
  readonly contexts: TlsContexts
  readonly endpoints: readonly Endpoint[]
}

export class ListenerSet {
  readonly #o: ListenerSetOptions
  #open: readonly Open[] = []
  /** Take nobody new. Those whose sessions are over are dropped when others retire. */
  #retired: readonly Listener[] = []
  #changing: Promise<unknown> = Promise.resolve()

  constructor(o: ListenerSetOptions) {
    this.#o = o
  }

  /** What clients need to know, in the order of the plans. */
  get facts(): readonly ListenerFacts[] {
    return this.#open.flatMap(({ plan, endpoints }) =>
      endpoints.map(({ ip, port }) => ({
        service: plan.service,
        ip,
        port,
        security: plan.tlsImplicit ? 'tls' : plan.useTls && plan.service !== 'http' ? 'starttls' : 'none',
      })),
    )
  }

  /**
   * Opens all, or none: then it throws Advice about the port. Of those that only the store has it opens what can
   * be, and returns sentences about the others.
   */
  async openAll(plans: readonly ListenerPlan[]): Promise<readonly string[]> {
    const ours = this.#ours(plans)
    const stored = ours.filter(({ isStored }) => isStored)
    const opening = await Promise.allSettled(
      ours.filter((plan) => !stored.includes(plan)).map((plan) => this.#openOne(plan)),
    )
    this.#open = opening.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failed = opening.find((one) => one.status === 'rejected')
    if (failed !== undefined) {
      await this.drain(0)
      throw failed.reason
    }
    const problems: string[] = []
    for (const plan of stored) {
      const opened = await this.#openOrInstead(plan, problems)
      if (opened !== undefined) this.#open = [...this.#open, opened]
    }
    return problems
  }

  async #openOrInstead(plan: ListenerPlan, problems: string[]): Promise<Open | undefined> {
    try {
      return await this.#openOne(plan)
    } catch (error) {
      problems.push(inOneLine(error as Error))
      return plan.instead && (await this.#openOne(plan.instead))
    }
  }

  /** Sentences about ports that these plans need and others have. Changes nothing. */
  async probe(plans: readonly ListenerPlan[]): Promise<readonly string[]> {
    const open = this.#open.flatMap(({ plan }) => plan.bind)
    const problems: string[] = []
    for (const plan of this.#ours(plans)) {
      for (const address of plan.bind) {
        // One that we have ourselves, or will have let go by then, is no question of others.
        if (open.some(({ port }) => port === address.port)) continue
        await probePorts([{ ...plan, bind: [address] }]).catch((error: Error) =>
          problems.push(inOneLine(error)),
        )
      }
    }
    return problems
  }

  /** Makes it so, one change after the other. Returns sentences about what could not be; the rest is done. */
  apply(plans: readonly ListenerPlan[]): Promise<readonly string[]> {
    const change = this.#changing.then(() => this.#apply(this.#ours(plans)))
    this.#changing = change
    return change
  }

  /** Ends all sessions; how many had to be cut off at the deadline. */
  async drain(deadlineMs: number): Promise<number> {
    await this.#changing
    const all = [...this.#open.map(({ listener }) => listener), ...this.#retired]
    const cut = await Promise.all(all.map((listener) => listener.drain(deadlineMs)))
    return cut.reduce((a, b) => a + b, 0)
  }

  /** Those that this worker serves. */
  #ours(plans: readonly ListenerPlan[]): readonly ListenerPlan[] {
    return plans.filter(
      ({ service, bind }) =>
        this.#o.protocols[service] !== undefined &&
        (this.#o.mayChoosePorts || bind.every(({ port }) => port !== 0)),
    )
  }

  async #apply(plans: readonly ListenerPlan[]): Promise<readonly string[]> {
    const kept = this.#open.filter(({ plan }) =>
      plans.some(({ id, service }) => id === plan.id && service === plan.service),
    )
    const gone = this.#open.filter((one) => !kept.includes(one)).map(({ listener }) => listener)
    for (const listener of gone) listener.retire()
    this.#retired = [...this.#retired, ...gone].filter((listener) => listener.active > 0)
    const problems: string[] = []
    const open: Open[] = []
    for (const plan of plans) {
      const before = kept.find((one) => one.plan.id === plan.id)
      try {
        open.push(before === undefined ? await this.#openOne(plan) : await this.#changeOne(before, plan))
      } catch (error) {
        problems.push(inOneLine(error as Error))
        if (before !== undefined) open.push(before)
      }
    }
    this.#open = open
    return problems
  }

  async #openOne(plan: ListenerPlan): Promise<Open> {
    const contexts = this.#contexts(plan)
    const listener = new Listener({
      ...termsOf(plan, contexts),
      name: plan.id,
      bind: plan.bind.map(hostOf),
      protocol: this.#o.protocols[plan.service]!,
      ...(plan.backlog === undefined ? {} : { backlog: plan.backlog }),
      reusePort: this.#o.isShared,
      present: this.#o.present,
      onTrouble: this.#o.onTrouble,
    })
    try {
      return { plan, listener, contexts, endpoints: await listener.listen() }
    } catch (error) {
      throw adviseOnPort(plan, error as Error)
    }
  }

  async #changeOne(before: Open, plan: ListenerPlan): Promise<Open> {
    const { listener } = before
    const hasSamePolicy = JSON.stringify(plan.tlsPolicy) === JSON.stringify(before.plan.tlsPolicy)
    const contexts = hasSamePolicy ? before.contexts : this.#contexts(plan)
    try {
      const endpoints = await listener.rebind(plan.bind.map(hostOf))
      listener.change(termsOf(plan, contexts))
      return { plan, listener, contexts, endpoints }
    } catch (error) {
      throw adviseOnPort(plan, error as Error)
    }
  }

  #contexts({ tlsPolicy: policy }: ListenerPlan): TlsContexts {
    const { certificates, ticketKeys } = this.#o
    return new TlsContexts(certificates, { ticketKeys, policy })
  }
}

/** What to do about it stands in a line of its own where a server is started, not in the log. */
const inOneLine = ({ message }: Error): string => message.replaceAll('\n', ' ')

const hostOf = ({ ip, port }: SocketAddress): { host: string; port: number } => ({ host: ip, port })

function termsOf(plan: ListenerPlan, contexts: TlsContexts): ListenerTerms {
  const { useTls, tlsImplicit, handshakeTimeoutMs, maxConnections, maxPerAddress, proxies, proxiesOnly } =
    plan
  return {
    ...(useTls ? { tls: contexts } : {}),
    tlsImplicit,
    ...(handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(maxPerAddress === undefined ? {} : { maxPerAddress }),
    ...(proxies === undefined ? {} : { proxies }),
    ...(proxiesOnly === undefined ? {} : { proxiesOnly }),
  }
}
