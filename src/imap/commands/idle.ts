/** IDLE: the client waits, and is told what changes when it changes, until it says DONE. */
import { command, noArguments } from '../command.ts'
import { signedIn } from '../session-state.ts'
import { Refusal } from '../errors.ts'
import { showChanges } from '../show-changes.ts'
import type { ImapSession } from '../session.ts'

const maxDoneBytes = 64

export const idle = command({
  name: 'IDLE',
  states: signedIn,
  standard: 'RFC 9051 §6.3.13',
  parse: noArguments,
  async run(session) {
    const { connection, settings } = session
    session.out.ascii('+ idling\r\n')
    connection.setIdleTimeout(settings.timeoutIdle)
    try {
      const line = await untilLine(session)
      // The connection is over; the loop says why.
      if (line === undefined) return { silent: true }
      if (line.toString('latin1').toUpperCase() !== 'DONE')
        throw new Refusal('Expected DONE', undefined, 'BAD')
      return { text: 'IDLE terminated' }
    } finally {
      session.onNews = undefined
      connection.setIdleTimeout(settings.timeoutAuthenticated)
    }
  },
})

/** Tells what is new whenever something may be, and returns the client's next line. */
async function untilLine(session: ImapSession): Promise<Buffer | undefined> {
  const waiting = { isNew: true, hasLine: false, wake: (): void => {} }
  const { account: own } = session.mailboxes
  const account = session.selected?.account ?? own
  const wake = (): void => {
    waiting.isNew = true
    waiting.wake()
  }
  using _watching = session.services.watch.watch(account, wake, account !== own)
  session.onNews = wake
  const reading = Promise.resolve(session.reader.continuation(maxDoneBytes, false)).finally(() => {
    waiting.hasLine = true
    waiting.wake()
  })
  // Awaited below; until then a line too long is nothing that nobody handles.
  reading.catch(() => {})
  while (!waiting.hasLine) {
    if (waiting.isNew) {
      waiting.isNew = false
      // There is no tagged line that could say it.
      if ((await showChanges(session, true)) && session.isCondstore) session.tellHighestModseq()
      await session.out.end()
      continue
    }
    await new Promise<void>((resolve) => {
      waiting.wake = resolve
    })
  }
  return reading
}
