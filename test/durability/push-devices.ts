/**
 * The devices of a user, with the push service that they all use: what they asked for, what was acknowledged to them,
 * and what they were told. The push service takes its time, and sometimes says no for now; what it got before it said
 * yes, or said yes to a server that was killed in between, does not count as told.
 */
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import {
  ClientKeys,
  type PushAnswer,
  type PushReceiver,
  type ReceivedPush,
} from '#jmap/push-receiver.test.ts'
import type { Random } from '../harness/random.ts'
import type { PushUser, States } from './push-user.ts'

interface Ending {
  readonly life: number
  isSure: boolean
}

interface Device {
  readonly path: string
  readonly client: ClientKeys | undefined
  readonly types: readonly string[] | null
  /** Once it was acknowledged. */
  id?: string
  /** Once it came. */
  code?: string
  /** As they were when the code had come: what changes afterwards is to be told. */
  since?: States
  isConfirmed: boolean
  /** Once that was asked for: in which life of the server, and whether it was acknowledged. */
  destroyed?: Ending
  readonly told: Map<string, string>
  wake: () => void
}

const typeChoices = [
  null,
  ['Email'],
  ['EmailDelivery'],
  ['Mailbox', 'Thread'],
  ['Thread', 'Identity'],
] as const
/** How long all of them may take to learn what there is, in tenths of a second. */
const mostTenths = 1200

export class PushDevices {
  /** Counted up by the test at each start of the server. */
  life = 0
  confirmed = 0
  destroyed = 0
  readonly #devices = new Map<string, Device>()
  readonly #receiver: PushReceiver
  readonly #random: Random
  readonly #wrong: string[] = []
  #isOver = new AbortController()

  constructor(receiver: PushReceiver, random: Random) {
    this.#receiver = receiver
    this.#random = random
    receiver.answer = (push) => this.#hear(push)
  }

  /** Nobody waits for a server that was killed. */
  stop(): void {
    this.#isOver.abort(new Error('the server was killed'))
    this.#isOver = new AbortController()
  }

  /** Asks for it, waits for the code and gives it back at once. */
  async subscribe(user: PushUser): Promise<void> {
    const { signal } = this.#isOver
    const path = `/push/${this.#devices.size}`
    const client = this.#random.chance(0.5) ? new ClientKeys() : undefined
    const types = this.#random.pick(typeChoices)
    const device: Device = { path, client, types, isConfirmed: false, told: new Map(), wake: () => {} }
    this.#devices.set(path, device)
    const keys = client?.keys ?? null
    const wanted = { deviceClientId: path, url: this.#receiver.url(path), keys, types }
    const { created } = await user.call('PushSubscription/set', { create: { k: wanted } })
    device.id = (created as Record<string, { id: string }>)['k']!.id
    await this.#code(device, signal)
    await this.#confirm(user, device)
  }

  async destroyOne(user: PushUser): Promise<void> {
    const all = [...this.#devices.values()].filter(({ isConfirmed, destroyed }) => isConfirmed && !destroyed)
    if (all.length < 2) return
    const device = this.#random.pick(all)
    const ending: Ending = { life: this.life, isSure: false }
    device.destroyed = ending
    const { destroyed } = await user.call('PushSubscription/set', { destroy: [device.id] })
    assert.deepEqual(destroyed, [device.id])
    ending.isSure = true
    this.destroyed++
  }

  /** After a start, while nothing changes: in sentences. */
  async wrongWith(user: PushUser): Promise<readonly string[]> {
    const { list } = await user.call('PushSubscription/get', {})
    const found = new Map(
      (list as { id: string; verificationCode: string | null }[]).map((one) => [one.id, one]),
    )
    const wrong: string[] = []
    for (const device of this.#devices.values()) {
      const one = device.id === undefined ? undefined : found.get(device.id)
      const { path, destroyed } = device
      if (destroyed?.isSure === true && one !== undefined) wrong.push(`${path}: destroyed, and there`)
      if (device.id === undefined || destroyed !== undefined) continue
      if (one === undefined) wrong.push(`${path}: created, and lost`)
      else if (device.isConfirmed && one.verificationCode !== device.code)
        wrong.push(`${path}: confirmed, and not any more`)
      else if (!device.isConfirmed) await this.#confirmLate(user, device, wrong)
    }
    if (wrong.length > 0) return wrong
    const states = await user.states()
    for (let tries = 0; tries < mostTenths && this.#untold(states).length > 0; tries++) await wait(100)
    return [...this.#untold(states), ...this.#wrong]
  }

  async #confirmLate(user: PushUser, device: Device, wrong: string[]): Promise<void> {
    try {
      await this.#code(device, AbortSignal.timeout(mostTenths * 100))
      await this.#confirm(user, device)
    } catch {
      wrong.push(`${device.path}: no verification came, or its code was not taken`)
    }
  }

  #untold(states: States): readonly string[] {
    const wrong: string[] = []
    for (const { path, types, isConfirmed, destroyed, since, told } of this.#devices.values()) {
      if (!isConfirmed || destroyed !== undefined) continue
      for (const type of types ?? states.keys()) {
        const state = states.get(type)
        if (state !== since!.get(type) && told.get(type) !== state)
          wrong.push(`${path}: of ${type} it knows ${told.get(type)}, and it is ${state}`)
      }
    }
    return wrong
  }

  async #code(device: Device, signal: AbortSignal): Promise<void> {
    while (device.code === undefined) {
      signal.throwIfAborted()
      await new Promise<void>((resolve) => {
        device.wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  async #confirm(user: PushUser, device: Device): Promise<void> {
    device.since ??= await user.states()
    const update = { [device.id!]: { verificationCode: device.code } }
    const { updated } = await user.call('PushSubscription/set', { update })
    assert.ok(Object.hasOwn(updated as object, device.id!), `${device.path}: the code was not taken`)
    device.isConfirmed = true
    this.confirmed++
  }

  async #hear(push: ReceivedPush): Promise<PushAnswer> {
    const { life } = this
    const device = this.#devices.get(push.path)!
    const message =
      device.client?.decrypt(push) ?? (JSON.parse(push.body.toString()) as Record<string, unknown>)
    const { destroyed } = device
    if (destroyed?.isSure === true && destroyed.life < life)
      this.#wrong.push(`${push.path}: destroyed, and told`)
    if (message['@type'] === 'PushVerification') {
      device.code = message['verificationCode'] as string
      device.wake()
      // The client is quicker with the code than the push service with its answer.
      await wait(this.#random.below(200))
      return 201
    }
    await wait(this.#random.below(60))
    if (this.#random.chance(0.1)) return 503
    const [changed] = Object.values(message['changed'] as Record<string, Record<string, string>>)
    if (life === this.life) for (const [type, state] of Object.entries(changed!)) device.told.set(type, state)
    return 201
  }
}
