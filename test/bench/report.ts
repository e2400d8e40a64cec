/** Results as text: a table for the terminal or for a Markdown document, with ratios to the first server. */
import type { Measurement } from './measurement.ts'
import type { MemoryFigures, SoakFigures } from './memory.ts'

export interface Start {
  readonly target: string
  /** From starting the process until the SMTP greeting came: on a new data directory, and the time after. */
  readonly firstMs: number
  readonly againMs?: number
}

export interface Results {
  readonly command: string
  readonly date: string
  readonly machine: string
  readonly targets: readonly string[]
  readonly versions: Readonly<Record<string, string>>
  readonly seconds: number
  readonly messages: number
  readonly starts: readonly Start[]
  readonly memory: readonly MemoryFigures[]
  readonly measurements: readonly Measurement[]
}

type Row = readonly string[]

function shown(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MB`
}

/**
 * As in `776 (1.24/2.14) cpu 0.52 visible 429 first try 3.10/12.0`: operations/s, p50/p99 ms, server CPU ms each,
 * visible/s, and p50/p99 ms until a message was first offered to the next server.
 */
function cell(measurement: Measurement | undefined): string {
  if (measurement === undefined) return ''
  const { perSecond, p50Ms, p99Ms, serverCpuMs, visiblePerSecond, firstTry, failures, operations } =
    measurement
  if (operations === 0) return 'failed'
  const parts = [`${shown(perSecond)} (${shown(p50Ms)}/${shown(p99Ms)})`]
  if (serverCpuMs !== undefined) parts.push(`cpu ${serverCpuMs.toFixed(serverCpuMs < 10 ? 3 : 1)}`)
  if (visiblePerSecond !== undefined) parts.push(`visible ${shown(visiblePerSecond)}`)
  if (firstTry !== undefined) parts.push(`first try ${shown(firstTry.p50Ms)}/${shown(firstTry.p99Ms)}`)
  if (failures > 0) parts.push(`${failures} failed`)
  return parts.join(' ')
}

function times(ours: number | undefined, theirs: number | undefined): string {
  if (ours === undefined || theirs === undefined || theirs === 0 || ours === 0) return ''
  return `${(ours / theirs).toFixed(2)}×`
}

/** How many times as much the first server does as the other: rate, visible rate, work per CPU second. */
function ratio(ours: Measurement | undefined, theirs: Measurement | undefined): string {
  if (ours === undefined || theirs === undefined || ours.operations === 0) return ''
  const parts = [times(ours.perSecond, theirs.perSecond)]
  const visible = times(ours.visiblePerSecond, theirs.visiblePerSecond)
  if (visible !== '') parts.push(`visible ${visible}`)
  const cpu = times(theirs.serverCpuMs, ours.serverCpuMs)
  if (cpu !== '') parts.push(`per cpu ${cpu}`)
  return parts.join(' ')
}

export function measurementRow(
  workload: string,
  targets: readonly string[],
  all: readonly Measurement[],
): Row {
  const by = targets.map((target) => all.find((m) => m.workload === workload && m.target === target))
  const ratios = by.slice(1).map((theirs) => ratio(by[0], theirs))
  return [workload, ...by.map(cell), ...ratios]
}

function memoryCell(figures: MemoryFigures | undefined): string {
  if (figures === undefined) return ''
  const { memory, pssPerConnection, rssPerConnection, note } = figures
  if (memory === undefined) return note ?? ''
  const parts = [
    `PSS ${megabytes(memory.pssBytes)} RSS ${megabytes(memory.rssBytes)}`,
    `${memory.processes} processes`,
  ]
  if (pssPerConnection !== undefined && rssPerConnection !== undefined) {
    const each = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`
    parts.unshift(`PSS ${each(pssPerConnection)} (RSS ${each(rssPerConnection)}) each`)
  }
  return parts.join(', ')
}

function memoryRatio(ours: MemoryFigures | undefined, theirs: MemoryFigures | undefined): string {
  const perConnection = times(ours?.pssPerConnection, theirs?.pssPerConnection)
  return perConnection === '' ? times(ours?.memory?.pssBytes, theirs?.memory?.pssBytes) : perConnection
}

export function tableRows(results: Results): readonly Row[] {
  const { targets, measurements, memory, starts } = results
  const ratioTitles = targets.slice(1).map((target) => `${targets[0]} / ${target}`)
  const header = ['workload', ...targets, ...ratioTitles]
  const names = [...new Set(measurements.map(({ workload }) => workload))]
  const startOf = (target: string) => starts.find((start) => start.target === target)
  const startRow = [
    'start to SMTP greeting, new / again',
    ...targets.map((target) => {
      const start = startOf(target)
      if (start === undefined) return ''
      return `${shown(start.firstMs)} ms${start.againMs === undefined ? '' : ` / ${shown(start.againMs)} ms`}`
    }),
    ...targets.slice(1).map((target) => times(startOf(targets[0] ?? '')?.againMs, startOf(target)?.againMs)),
  ]
  const memoryRows = [...new Set(memory.map(({ name }) => name))].map((name) => {
    const by = targets.map((target) => memory.find((m) => m.name === name && m.target === target))
    return [
      `memory: ${name}`,
      ...by.map(memoryCell),
      ...by.slice(1).map((theirs) => memoryRatio(by[0], theirs)),
    ]
  })
  return [
    header,
    ...(starts.length > 0 ? [startRow] : []),
    ...memoryRows,
    ...names.map((name) => measurementRow(name, targets, measurements)),
  ]
}

/** Columns as wide as their widest cell. */
export function plainTable(rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function markdown(results: Results): string {
  const [header = [], ...rows] = tableRows(results)
  const line = (row: Row) => `| ${row.join(' | ')} |`
  const versions = Object.entries(results.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `Made with \`${results.command}\` on ${results.date}, ${results.machine}; ${versions.join(', ')}.`,
    `Loopback, no TLS; every workload ran ${results.seconds} s on each server in turn; mailbox of ${results.messages} messages.`,
    '',
    'A cell is operations/s (p50/p99 ms), then server CPU ms per operation over all its processes, then for mail',
    'from outside the rate until the last accepted message was visible over IMAP, for mail to others until it was',
    'at the next server, and after what time (p50/p99 ms) that was first tried. A ratio is how many times the',
    'other server’s rate, visible rate, and work per CPU second; for memory and start its bytes and time.',
    '',
    line(header),
    line(header.map(() => '---')),
    ...rows.map(line),
    '',
  ].join('\n')
}

/** Where servers should have found the same and did not. */
export function disagreements(measurements: readonly Measurement[]): readonly string[] {
  const names = [...new Set(measurements.map(({ workload }) => workload))]
  return names.flatMap((name) => {
    const by = measurements.filter(({ workload, found }) => workload === name && found !== undefined)
    if (new Set(by.map(({ found }) => found)).size < 2) return []
    return [`${name}: ${by.map(({ target, found }) => `${target} found ${found}`).join(', ')}`]
  })
}

export function soakLine({
  target,
  minutes,
  afterWarmUp,
  afterSoak,
  pssRatio,
  operations,
  failures,
}: SoakFigures): string {
  return (
    `${target}: PSS ${megabytes(afterWarmUp.pssBytes)} after warm-up, ${megabytes(afterSoak.pssBytes)} after ` +
    `${minutes} min and ${operations} operations (${failures} failed): ${(pssRatio * 100 - 100).toFixed(1)} %`
  )
}
