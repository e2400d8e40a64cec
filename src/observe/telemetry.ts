/**
 * What happens when code tells something: counters rise, and the logs whose level asks for it get a line.
 *
 * Every kind of the catalog is prepared at construction, so all counters and gauges are there from the first
 * scrape on, at zero. An event that no log wants costs a look-up by identity and an addition. One of these
 * exists per thread; a server's metrics are the merged snapshots of all.
 */
import type { Clock } from '#base/clock.ts'
import type { EventKind, EventValues } from '#telemetry/event.ts'
import type { GaugeKind } from '#telemetry/gauge.ts'
import { rankOf } from '#telemetry/level.ts'
import type { Telemetry, TelemetryContext } from '#telemetry/telemetry.ts'
import type { LoggedKind, LoggedValues } from './log-line.ts'
import type { LogWriter } from './log-writer.ts'
import { Meter, type Counter, type GaugeValue, type Histogram, type Snapshot } from './meter.ts'

/** An event kind whose fields are not known where it is handled. */
export type AnyEventKind = LoggedKind & {
  readonly help: string
  readonly count?: string
  readonly time?: string
}

interface Prepared {
  readonly rank: number
  readonly counter: Counter | undefined
  readonly histogram: Histogram | undefined
}
type GaugeReader = () => number | Promise<number>

const noContext: TelemetryContext = {}

export class ServerTelemetry implements Telemetry {
  readonly #clock: Clock
  readonly #meter = new Meter()
  readonly #prepared = new Map<object, Prepared>()
  readonly #gauges = new Map<GaugeKind, Set<GaugeReader>>()
  #writers: readonly LogWriter[] = []
  /** Events below it go to no log. */
  #leastRank = Infinity

  constructor(catalog: { events: readonly AnyEventKind[]; gauges: readonly GaugeKind[] }, clock: Clock) {
    this.#clock = clock
    for (const kind of catalog.events) this.#prepare(kind)
    for (const kind of catalog.gauges) this.#gauges.set(kind, new Set())
  }

  /** From now on events go to these logs. Those before are the caller's to dispose. */
  useLogs(writers: readonly LogWriter[]): void {
    this.#writers = writers
    this.#leastRank = Math.min(...writers.map((writer) => rankOf(writer.level)))
  }

  emit<F>(kind: EventKind<F>, values: EventValues<NoInfer<F>>): void {
    this.emitIn(noContext, kind, values)
  }

  emitIn<F>(context: TelemetryContext, kind: EventKind<F>, values: EventValues<NoInfer<F>>): void {
    const prepared = this.#prepared.get(kind) ?? this.#prepare(kind)
    if (prepared.counter !== undefined) prepared.counter.value++
    if (prepared.histogram !== undefined)
      prepared.histogram.observe((values as LoggedValues)[kind.time as string] as number)
    if (prepared.rank < this.#leastRank) return
    const atMs = this.#clock.now()
    for (const writer of this.#writers)
      if (prepared.rank >= rankOf(writer.level)) writer.write(atMs, kind, values, context)
  }

  with(context: TelemetryContext): Telemetry {
    return new ScopedTelemetry(this, context)
  }

  gauge(kind: GaugeKind, read: GaugeReader): Disposable {
    const readers = this.#gauges.get(kind) ?? new Set()
    this.#gauges.set(kind, readers.add(read))
    return { [Symbol.dispose]: () => void readers.delete(read) }
  }

  /** The numbers of this thread. A gauge whose reader fails is left out. */
  async snapshot(): Promise<Snapshot> {
    const values = await Promise.all([...this.#gauges].map(([kind, readers]) => readGauge(kind, readers)))
    return this.#meter.snapshot(values.filter((value) => value !== undefined))
  }

  #prepare(kind: AnyEventKind): Prepared {
    const prepared = {
      rank: rankOf(kind.level),
      counter: kind.count === undefined ? undefined : this.#meter.counter(kind.count, kind.help),
      histogram:
        kind.time === undefined ? undefined : this.#meter.histogram(histogramName(kind.name), kind.help),
    }
    this.#prepared.set(kind, prepared)
    return prepared
  }
}

const histogramName = (eventName: string): string => `${eventName.replaceAll(/[.-]/g, '_')}_seconds`

async function readGauge(
  kind: GaugeKind,
  readers: ReadonlySet<GaugeReader>,
): Promise<GaugeValue | undefined> {
  try {
    const parts = await Promise.all([...readers].map(async (read) => read()))
    return {
      name: kind.name,
      help: kind.help,
      workers: kind.workers,
      value: parts.reduce((a, b) => a + b, 0),
    }
  } catch {
    return undefined
  }
}

class ScopedTelemetry implements Telemetry {
  readonly #whole: ServerTelemetry
  readonly #context: TelemetryContext

  constructor(whole: ServerTelemetry, context: TelemetryContext) {
    this.#whole = whole
    this.#context = context
  }

  emit<F>(kind: EventKind<F>, values: EventValues<NoInfer<F>>): void {
    this.#whole.emitIn(this.#context, kind, values)
  }

  with(context: TelemetryContext): Telemetry {
    return new ScopedTelemetry(this.#whole, { ...this.#context, ...context })
  }

  gauge(kind: GaugeKind, read: GaugeReader): Disposable {
    return this.#whole.gauge(kind, read)
  }
}
