/**
 * The one thing that code which has something to tell is given. `observe/telemetry.ts` implements it.
 *
 * Telling must never change what the server does: no method throws, waits or touches a disk. An event whose
 * level nobody listens to costs a look-up and its counters.
 */
import type { EventKind, EventValues } from './event.ts'
import type { GaugeKind } from './gauge.ts'

/** What all events of a session, a connection or a delivery share. `undefined` leaves a name out. */
export type TelemetryContext = Readonly<Record<string, string | number | boolean | undefined>>

export interface Telemetry {
  emit<F>(kind: EventKind<F>, values: EventValues<NoInfer<F>>): void
  /** The same telemetry for a narrower scope: its events carry `context` besides what this one's carry. */
  with(context: TelemetryContext): Telemetry
  /** Says how to read a gauge until disposed. Several readers of one kind in one thread are added up. */
  gauge(kind: GaugeKind, read: () => number | Promise<number>): Disposable
}

/** For tests, and for code that runs outside a server: hears everything and keeps nothing. */
export const silentTelemetry: Telemetry = {
  emit: () => undefined,
  with: () => silentTelemetry,
  gauge: () => ({ [Symbol.dispose]: () => undefined }),
}
