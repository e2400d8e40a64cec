import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { residentMemory, startTime } from './events.ts'
import { readProcessGauges } from './process-gauges.ts'
import { ServerTelemetry } from './telemetry.ts'

test('memory and start of the process are gauges until disposed', async () => {
  const telemetry = new ServerTelemetry({ events: [], gauges: [residentMemory, startTime] }, systemClock)
  const values = async (): Promise<readonly number[]> =>
    (await telemetry.snapshot()).gauges.map((g) => g.value)
  {
    using _ = readProcessGauges(telemetry)
    const [memory, start] = await values()
    assert(memory! > 1e6)
    assert(start! > 1.7e9 && start! * 1000 <= systemClock.now())
  }
  assert.deepEqual(await values(), [0, 0])
})
