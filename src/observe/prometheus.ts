/**
 * A snapshot in Prometheus's text format, version 0.0.4. The order is by name, so two scrapes of the same
 * numbers are the same bytes.
 */
import type { HistogramValue, Snapshot } from './meter.ts'

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

export function writePrometheus(snapshot: Snapshot): string {
  const families: [name: string, text: string][] = [
    ...snapshot.counters.map((c) => family(c.name, 'counter', c.help, [`${c.name} ${numberText(c.value)}`])),
    ...snapshot.gauges.map((g) => family(g.name, 'gauge', g.help, [`${g.name} ${numberText(g.value)}`])),
    ...snapshot.histograms.map((h) => family(h.name, 'histogram', h.help, histogramLines(h))),
  ]
  families.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return families.map(([, text]) => text).join('')
}

const family = (name: string, type: string, help: string, lines: readonly string[]): [string, string] => [
  name,
  `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`,
]

const escapeHelp = (help: string): string => help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}

/** Buckets count everything up to their bound. */
function histogramLines(h: HistogramValue): readonly string[] {
  let total = 0
  const lines = h.counts.map((count, i) => {
    total += count
    const bound = i < h.boundsSeconds.length ? numberText(h.boundsSeconds[i]!) : '+Inf'
    return `${h.name}_bucket{le="${bound}"} ${total}`
  })
  return [...lines, `${h.name}_sum ${numberText(h.sumSeconds)}`, `${h.name}_count ${total}`]
}
