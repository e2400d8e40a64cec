import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { troubleTeller } from './trouble.ts'

test('each trouble is an event; failing accepts are told once a second', () => {
  const told: [string, object][] = []
  const clock = fixedClock(5000)
  const tell = troubleTeller(
    { ...silentTelemetry, emit: (kind, values) => void told.push([kind.name, values]) },
    clock,
  )
  const error = new Error('too many open files')
  for (let i = 0; i < 3; i++) tell({ kind: 'accept', listener: 'smtp', error })
  clock.advance(1000)
  tell({ kind: 'accept', listener: 'smtp', error })
  tell({ kind: 'refused', listener: 'imap', ip: '192.0.2.1', why: 'tooManyConnections' })
  tell({ kind: 'handshake', listener: 'imaps', ip: '192.0.2.1', error: new Error('timed out') })
  tell({ kind: 'crash', listener: 'imap', ip: '192.0.2.1', error })
  assert.deepEqual(told, [
    ['net.accept-failed', { listener: 'smtp', reason: 'too many open files' }],
    ['net.accept-failed', { listener: 'smtp', reason: 'too many open files' }],
    ['net.connection-refused', { listener: 'imap', ip: '192.0.2.1', why: 'tooManyConnections' }],
    ['net.handshake-failed', { listener: 'imaps', ip: '192.0.2.1', reason: 'timed out' }],
    ['net.session-crashed', { listener: 'imap', ip: '192.0.2.1', error }],
  ])
})
