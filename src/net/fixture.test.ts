/** A listener with a small line protocol, for tests. */
import assert from 'node:assert/strict'
import type { Connection } from './connection.ts'
import { Listener } from './listener.ts'
import type { Protocol } from './protocol.ts'
import type { ListenerOptions } from './listener-options.ts'
import type { Trouble } from './trouble.ts'

export const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1')

/** A line protocol with what SMTP and IMAP have: greeting, echo, STARTTLS, facts, goodbye. */
export const echo: Protocol = {
  name: 'echo',
  alpn: ['echo'],
  refusal: (why) => line(`421 ${why}`),
  async serve(c) {
    void c.write(line('220 hello'))
    for (;;) {
      const command = (await c.readLine(100))?.toString('latin1')
      if (command === undefined) break
      if (!(await answer(c, command))) return
    }
    if (!c.signal.aborted) void c.write(line(`421 ${c.ended}`))
  },
}

/** Returns whether the session goes on. */
async function answer(c: Connection, command: string): Promise<boolean> {
  if (command === 'QUIT') {
    void c.write(line('221 bye'))
    return false
  }
  if (command === 'CRASH') throw new Error('planted')
  if (command === 'STARTTLS' && c.canStartTls) {
    const { droppedBytes } = await c.startTls(line('220 go'))
    void c.write(line(`250 dropped ${droppedBytes}`))
  } else if (command === 'FACTS') {
    const { tls } = c
    const exported =
      tls === undefined ? '' : Buffer.from(tls.exportKey('EXPORTER-Channel-Binding', 32)).toString('hex')
    void c.write(line(JSON.stringify({ peer: c.peer, local: c.local, ...tls, exported })))
  } else {
    void c.write(line(`250 ${command}`))
  }
  return true
}

export async function open(
  o: Partial<ListenerOptions> = {},
): Promise<{ listener: Listener; port: number; troubles: Trouble[] } & AsyncDisposable> {
  const troubles: Trouble[] = []
  const listener = new Listener({
    name: 'test',
    bind: [{ host: '127.0.0.1', port: 0 }],
    protocol: echo,
    lingerMs: 50,
    onTrouble: (trouble) => troubles.push(trouble),
    ...o,
  })
  const [endpoint] = await listener.listen()
  return {
    listener,
    troubles,
    port: endpoint!.port,
    [Symbol.asyncDispose]: async () => {
      await listener.drain(0)
    },
  }
}

/** Lets the event loop turn until something holds; gives up where the test would hang. */
export async function until(holds: () => boolean): Promise<void> {
  const guard = AbortSignal.timeout(60_000)
  while (!holds()) {
    await new Promise(setImmediate)
    assert.ok(!guard.aborted, 'it never came to hold')
  }
}
