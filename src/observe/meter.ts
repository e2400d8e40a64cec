/**
 * Counters and histograms of one thread: plain numbers that only rise. A snapshot is plain data, which can be
 * sent between threads; `mergeSnapshots` makes the numbers of several workers those of one server.
 */

export interface Counter {
  value: number
}

/** Upper bounds in seconds of what is measured: from a row read to a slow peer. */
const boundsSeconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const

export class Histogram {
  /** How many values lie in each range; the last one is beyond all bounds. */
  readonly counts: number[] = Array<number>(boundsSeconds.length + 1).fill(0)
  sumSeconds = 0

  /** A value that is no number, or below zero since a clock was set back, is not counted. */
  observe(durationMs: number): void {
    if (!(durationMs >= 0)) return
    const seconds = durationMs / 1000
    let i = 0
    while (i < boundsSeconds.length && seconds > boundsSeconds[i]!) i++
    this.counts[i]!++
    this.sumSeconds += seconds
  }
}

interface Described {
  readonly name: string
  readonly help: string
}
interface CounterValue extends Described {
  readonly value: number
}
export interface GaugeValue extends Described {
  readonly value: number
  readonly workers: 'sum' | 'max'
}
export interface HistogramValue extends Described {
  readonly boundsSeconds: readonly number[]
  readonly counts: readonly number[]
  readonly sumSeconds: number
}
export interface Snapshot {
  readonly counters: readonly CounterValue[]
  readonly gauges: readonly GaugeValue[]
  readonly histograms: readonly HistogramValue[]
}

export class Meter {
  readonly #counters = new Map<string, { help: string; counter: Counter }>()
  readonly #histograms = new Map<string, { help: string; histogram: Histogram }>()

  /** The counter of this name, made when first asked for; the first help is kept. */
  counter(name: string, help: string): Counter {
    checkName(name)
    const known = this.#counters.get(name) ?? { help, counter: { value: 0 } }
    this.#counters.set(name, known)
    return known.counter
  }

  histogram(name: string, help: string): Histogram {
    checkName(name)
    const known = this.#histograms.get(name) ?? { help, histogram: new Histogram() }
    this.#histograms.set(name, known)
    return known.histogram
  }

  snapshot(gauges: readonly GaugeValue[]): Snapshot {
    return {
      counters: [...this.#counters].map(([name, { help, counter }]) => ({
        name,
        help,
        value: counter.value,
      })),
      gauges,
      histograms: [...this.#histograms].map(([name, { help, histogram }]) => ({
        name,
        help,
        boundsSeconds,
        counts: [...histogram.counts],
        sumSeconds: histogram.sumSeconds,
      })),
    }
  }
}

function checkName(name: string): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) throw new Error(`"${name}" cannot be the name of a metric`)
}

export const mergeSnapshots = (snapshots: readonly Snapshot[]): Snapshot => ({
  counters: mergeByName(
    snapshots.flatMap((s) => s.counters),
    (a, b) => ({ ...a, value: a.value + b.value }),
  ),
  gauges: mergeByName(
    snapshots.flatMap((s) => s.gauges),
    (a, b) => ({
      ...a,
      value: a.workers === 'sum' ? a.value + b.value : Math.max(a.value, b.value),
    }),
  ),
  histograms: mergeByName(
    snapshots.flatMap((s) => s.histograms),
    (a, b) => ({
      ...a,
      counts: a.counts.map((count, i) => count + b.counts[i]!),
      sumSeconds: a.sumSeconds + b.sumSeconds,
    }),
  ),
})

function mergeByName<T extends Described>(values: readonly T[], join: (a: T, b: T) => T): readonly T[] {
  const merged = new Map<string, T>()
  for (const value of values) {
    const known = merged.get(value.name)
    merged.set(value.name, known === undefined ? value : join(known, value))
  }
  return [...merged.values()]
}
