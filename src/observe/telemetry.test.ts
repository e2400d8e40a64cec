import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import { isFault } from '#base/fault.ts'
import { LiveSettings } from '#registry/live.ts'
import { durationMs, eventKind, number, text } from '#telemetry/event.ts'
import { gaugeKind } from '#telemetry/gauge.ts'
import { LogOutput } from './log-output.ts'
import { openLogWriter, openLogWriters, type LogWriter } from './log-writer.ts'
import { writePrometheus } from './prometheus.ts'
import { tracer } from './settings.ts'
import { ServerTelemetry } from './telemetry.ts'

const received = eventKind({
  name: 'smtp.message-received',
  level: 'info',
  help: 'Messages accepted.',
  fields: { from: text, took: durationMs },
  count: 'smtp_messages_received_total',
  time: 'took',
})
const badPassword = (name: 'smtp.auth-failed' | 'imap.auth-failed') =>
  eventKind({
    name,
    level: 'warn',
    help: 'Wrong passwords.',
    fields: { tries: number },
    count: 'auth_failures_total',
  })
const smtpAuthFailed = badPassword('smtp.auth-failed')
const imapAuthFailed = badPassword('imap.auth-failed')
const noise = eventKind({ name: 'smtp.noop', level: 'debug', help: 'Steps.', fields: { n: number } })
const sessions = gaugeKind({ name: 'imap_connections_active', help: 'IMAP sessions now.', workers: 'sum' })
const waiting = gaugeKind({ name: 'queue_messages_total', help: 'Messages in the queue.', workers: 'max' })

const start = Date.parse('2026-11-21T04:10:00Z')
const make = (): ServerTelemetry =>
  new ServerTelemetry(
    {
      events: [received, smtpAuthFailed, imapAuthFailed, noise],
      gauges: [sessions, waiting],
    },
    fixedClock(start),
  )
const metrics = async (telemetry: ServerTelemetry): Promise<Record<string, number>> => {
  const lines = writePrometheus(await telemetry.snapshot())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]))
}

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'postern log '))
  try {
    await body(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
const open = (path: string, level: LogWriter['level'], format: 'text' | 'json' = 'text'): LogWriter =>
  openLogWriter({ type: 'log', level, format, path, ansi: undefined })

test('everything in the catalog has its metric from the start, at zero', async () => {
  const shown = await metrics(make())
  for (const name of [
    'smtp_messages_received_total',
    'auth_failures_total',
    'imap_connections_active',
    'queue_messages_total',
    'smtp_message_received_seconds_count',
  ])
    assert.equal(shown[name], 0, name)
})

test('events count, kinds may share a counter, and gauges are read when asked', async () => {
  const telemetry = make()
  telemetry.emit(received, { from: 'a@b', took: 3 })
  telemetry.with({ peer: '192.0.2.1' }).emit(received, { from: 'a@b', took: 7 })
  telemetry.emit(smtpAuthFailed, { tries: 1 })
  telemetry.with({}).with({}).emit(imapAuthFailed, { tries: 1 })
  telemetry.gauge(sessions, () => 2)
  const second = telemetry.with({}).gauge(sessions, () => Promise.resolve(3))
  telemetry.gauge(waiting, () => {
    throw new Error('the database is away')
  })
  let shown = await metrics(telemetry)
  assert.equal(shown['smtp_messages_received_total'], 2)
  assert.equal(shown['smtp_message_received_seconds_count'], 2)
  assert.equal(shown['smtp_message_received_seconds_sum'], 0.01)
  assert.equal(shown['auth_failures_total'], 2)
  assert.equal(shown['imap_connections_active'], 5)
  assert(!('queue_messages_total' in shown))
  second[Symbol.dispose]()
  shown = await metrics(telemetry)
  assert.equal(shown['imap_connections_active'], 2)
})

test('each log gets what its level asks for, with the context of the scope', () =>
  inDirectory(async (directory) => {
    const telemetry = make()
    const paths = [join(directory, 'deep', 'warn.log'), join(directory, 'debug.json')] as const
    const writers = [open(paths[0], 'warn'), open(paths[1], 'debug', 'json')]
    telemetry.useLogs(writers)
    const session = telemetry.with({ session: 's1', peer: '192.0.2.1' }).with({ session: 's2' })
    session.emit(noise, { n: 1 })
    session.emit(smtpAuthFailed, { tries: 3 })
    telemetry.useLogs([])
    telemetry.emit(smtpAuthFailed, { tries: 4 })
    for (const writer of writers) await writer[Symbol.asyncDispose]()
    assert.equal(
      readFileSync(paths[0], 'utf8'),
      '2026-11-21T04:10:00.000Z warn  smtp.auth-failed  tries=3 session=s2 peer=192.0.2.1\n',
    )
    const lines = readFileSync(paths[1], 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map((line) => [line.event, line.session]),
      [
        ['smtp.noop', 's2'],
        ['smtp.auth-failed', 's2'],
      ],
    )
  }))

test('logs are opened as the settings say', () =>
  inDirectory(async (directory) => {
    const settings = new LiveSettings([tracer])
    const levels = async (): Promise<readonly string[]> => {
      const writers = openLogWriters(settings)
      for (const writer of writers) await writer[Symbol.asyncDispose]()
      return writers.map((writer) => writer.level)
    }
    assert.deepEqual(await levels(), ['info'])
    settings.loadText(
      '[tracer.stdout]\ntype = "stdout"\nlevel = "warn"\nansi = false\nenable = true\n[Tracer.off]\nenable = false',
      'x',
    )
    assert.deepEqual(await levels(), ['warn'])
    settings.loadText(`[tracer.a]\ntype = "log"\npath = ${JSON.stringify(directory)}`, 'x')
    assert.throws(
      () => openLogWriters(settings),
      (e) => isFault(e, 'unavailable') && e.message.includes(directory),
    )
    assert.throws(
      () => settings.loadText('[tracer.a]\ntype = "log"', 'x'),
      (e) => isFault(e, 'invalid'),
    )
  }))

test('many lines arrive whole and in order', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'log')
    const writer = open(path, 'debug', 'json')
    const telemetry = make()
    telemetry.useLogs([writer])
    for (let n = 0; n < 5000; n++) {
      telemetry.emit(noise, { n })
      if (n % 1000 === 0) await writer.flush()
    }
    await writer[Symbol.asyncDispose]()
    const read = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).n)
    assert.deepEqual(
      read,
      Array.from({ length: 5000 }, (_, n) => n),
    )
  }))

test('beyond its budget an output refuses lines and counts them', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'log')
    const writer = open(path, 'debug')
    const telemetry = make()
    telemetry.useLogs([writer])
    const from = 'x'.repeat(900)
    for (let n = 0; n < 10_000; n++) telemetry.emit(received, { from, took: n })
    await writer.flush()
    telemetry.emit(noise, { n: 1 })
    await writer[Symbol.asyncDispose]()
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    const lost = Number(/telemetry\.lines-dropped {2}lines=(\d+)$/.exec(lines.at(-1)!)![1])
    assert(lost > 0)
    assert.equal(lines.length - 2 + lost, 10_000)
  }))

test('a destination that fails loses lines, not the server', async () => {
  const output = new LogOutput(0x7fff, false)
  assert(output.write('x\n'))
  assert(output.write('y\n'))
  await output.flush()
  assert.equal(output.takeLost(), 2)
  output.write('z\n')
  output.flushSync()
  await output[Symbol.asyncDispose]()
})

test('what was written right before the process ends is not lost', () => {
  const script = `
    import { LogOutput } from ${JSON.stringify(import.meta.resolve('./log-output.ts'))}
    const output = new LogOutput(1, false)
    for (let i = 0; i < 3000; i++) output.write('line ' + i + ' ' + 'x'.repeat(100) + '\\n')
    process.exit(3)`
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    maxBuffer: 1e7,
  })
  assert.equal(child.status, 3, child.stderr)
  assert.equal(child.stdout.split('\n').length, 3001)
  assert(child.stdout.includes('line 2999 '))
})
