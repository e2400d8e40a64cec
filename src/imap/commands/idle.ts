/** IDLE: the client waits, and is told what changes when it changes, until it says DONE. */
import { command, noArguments } from '../session/command.ts'
import { signedIn } from '../session/session-state.ts'
import { Refusal } from '../errors.ts'
import { showChanges } from '../selected/show-changes.ts'
import type { ImapSession } from '../session/session.ts'
import { tellWhile } from '../notify/waiting.ts'

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
      connection.setIdleTimeout(settings.timeoutAuthenticated)
    }
  },
})

/** Returns the client's next line. */
function untilLine(session: ImapSession): Promise<Buffer | undefined> {
  const reading = Promise.resolve(session.reader.continuation(maxDoneBytes, false))
  return tellWhile(session, reading, async () => {
    // There is no tagged line that could say it.
    if ((await showChanges(session, { expunges: true })) && session.isCondstore) session.tellHighestModseq()
  })
}
