/** What goes wrong before or around a session, and how telemetry hears of it. */
import type { Clock } from '#base/clock.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import {
  acceptFailed,
  connectionRefused,
  handshakeFailed,
  proxyHeaderFailed,
  sessionCrashed,
} from './events.ts'

export type RefusalReason = 'tooManyConnections' | 'tooManyFromAddress'

export type Trouble =
  | { readonly kind: 'accept'; readonly listener: string; readonly error: Error }
  | {
      readonly kind: 'refused'
      readonly listener: string
      readonly ip: string
      readonly why: RefusalReason | 'notProxy'
    }
  | { readonly kind: 'handshake'; readonly listener: string; readonly ip: string; readonly error: Error }
  | { readonly kind: 'proxy'; readonly listener: string; readonly ip: string; readonly error: Error }
  | { readonly kind: 'crash'; readonly listener: string; readonly ip: string; readonly error: unknown }

/** What fails one accept fails the next: one event in this time is enough. */
const acceptEventMs = 1000

/** For a listener's `onTrouble`. */
export function troubleTeller(telemetry: Telemetry, clock: Clock): (trouble: Trouble) => void {
  let nextAcceptEvent = 0
  return (trouble) => {
    const { listener } = trouble
    switch (trouble.kind) {
      case 'accept':
        if (clock.now() < nextAcceptEvent) return
        nextAcceptEvent = clock.now() + acceptEventMs
        telemetry.emit(acceptFailed, { listener, reason: trouble.error.message })
        return
      case 'refused':
        telemetry.emit(connectionRefused, { listener, ip: trouble.ip, why: trouble.why })
        return
      case 'handshake':
        telemetry.emit(handshakeFailed, { listener, ip: trouble.ip, reason: trouble.error.message })
        return
      case 'proxy':
        telemetry.emit(proxyHeaderFailed, { listener, ip: trouble.ip, reason: trouble.error.message })
        return
      case 'crash':
        telemetry.emit(sessionCrashed, { listener, ip: trouble.ip, error: trouble.error })
    }
  }
}
