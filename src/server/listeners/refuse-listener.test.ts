import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { networkListener } from '#net/settings.ts'
import { LiveSettings } from '#registry/live.ts'
import type { ObjectValues } from '#settings/merge.ts'
import { settingsObjects } from '../catalog.ts'
import { refuseListener } from './refuse-listener.ts'

const settings = new LiveSettings(settingsObjects)
const object = settings.objects.find(({ name }) => name === networkListener.name)!

const listener = (id: string, ip: string, port: number): ObjectValues => ({
  id,
  values: { id, bind: [{ ip, port }] },
  origins: new Map(),
})

// Turns red where a listener is kept that cannot be opened.
test('a port that another program or another listener has is refused before it is kept', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = other.address() as AddressInfo
    const [taken] = await refuseListener(settings)(object, listener('a', '127.0.0.1', port))
    assert.equal(taken?.property, 'bind')
    assert.match(taken.problem, /^has a port that cannot be had\. .*another program uses it\.$/)
  } finally {
    other.close()
  }
  const [ours] = await refuseListener(settings)(object, listener('a', '127.0.0.1', 2993))
  assert.match(ours!.problem, /^has port 2993 on 127\.0\.0\.1, which the listener "imaps" has already$/)
})

test("a port that is free, chosen by the system, or the listener's own is taken", async () => {
  const refuse = refuseListener(settings)
  assert.deepEqual(await refuse(object, listener('a', '127.0.0.1', 0)), [])
  assert.deepEqual(await refuse(object, listener('imaps', '0.0.0.0', 2993)), [])
  const others = settings.objects.find(({ name }) => name === 'Imap')!
  assert.deepEqual(await refuse(others, listener('', '127.0.0.1', 2993)), [])
})
