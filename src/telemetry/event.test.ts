import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs, eventKind, maybe, number, text } from './event.ts'
import { levels, rankOf } from './level.ts'
import { silentTelemetry } from './telemetry.ts'

test('levels rise', () => {
  assert.deepEqual(levels.map(rankOf), [0, 1, 2, 3])
})

test('a declaration keeps its types: optional fields may be left out, others not', () => {
  const kind = eventKind({
    name: 'smtp.message-received',
    level: 'info',
    help: 'A message was accepted.',
    fields: { from: text, took: durationMs, code: maybe(number) },
    count: 'smtp_messages_received_total',
    time: 'took',
  })
  silentTelemetry.emit(kind, { from: 'a@example.org', took: 1 })
  silentTelemetry.with({ peer: '192.0.2.1' }).emit(kind, { from: 'a@example.org', took: 1, code: 250 })
  // @ts-expect-error a declared field is missing
  silentTelemetry.emit(kind, { from: 'a@example.org' })
  // @ts-expect-error a field of another type
  silentTelemetry.emit(kind, { from: 1, took: 1 })
  assert.equal(kind.time, 'took')
})

test('names that every line has are refused', () => {
  assert.throws(() => eventKind({ name: 'a.b', level: 'info', help: '', fields: { level: text } }), /level/)
})
