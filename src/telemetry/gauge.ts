/**
 * A number that goes up and down: sessions now, messages waiting. Declared in a folder's `events.ts`; whoever
 * knows the number says how to read it with `Telemetry.gauge`, and it is read only when metrics are.
 */
export interface GaugeKind {
  /** The exact metric name. */
  readonly name: string
  readonly help: string
  /** What several workers make together: `sum` where each knows its own part, `max` where each reads the same whole. */
  readonly workers: 'sum' | 'max'
}

export const gaugeKind = (declaration: GaugeKind): GaugeKind => declaration
