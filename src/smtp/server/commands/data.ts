/** DATA (RFC 5321 §4.1.1.4): reads the message to CRLF.CRLF in constant memory, then has it accepted. */
import { expectNothing } from '../../command.ts'
import { DataStream } from '../../data-stream.ts'
import { sessionAborted } from '../../events.ts'
import { type Reply, reply } from '../../reply.ts'
import type { Intake } from '../intake.ts'
import { receiveMessage } from '../receive.ts'
import { everywhere, smtpCommand, type SmtpSession } from '../smtp-command.ts'

const goAhead = reply(354, '', 'Start mail input; end with <CRLF>.<CRLF>')
// RFC 3030 §2
const mixed = reply(503, '5.5.1', 'DATA and BDAT cannot be mixed, send RSET first')
const tooSlow = reply(421, '4.4.2', 'Transfer is too slow, closing connection')

export const data = smtpCommand<void>({
  verb: 'DATA',
  standard: 'RFC 5321 §4.1.1.4',
  roles: everywhere,
  need: 'recipients',
  needsSignIn: true,
  operation: 'data',
  syntaxReply: reply(501, '5.5.4', 'Syntax: DATA'),
  parse: expectNothing,
  run: (session) => (session.transaction!.chunks === undefined ? receive(session) : mixed),
})

async function receive(session: SmtpSession): Promise<Reply | undefined> {
  const { connection } = session
  await connection.write(goAhead)
  // RFC 2920 §3.2: this reply does not wait, whatever the client has sent ahead.
  if (connection.buffered > 0) await connection.flush()
  const transaction = session.transaction!
  const intake = session.newIntake()
  const stream = new DataStream()
  const outcome = await readData(session, intake, stream)
  if (outcome === 'complete') return receiveMessage(session, transaction, intake, stream.hasBareLineEnd)
  await intake.abort()
  session.reset()
  if (outcome === 'gone') return undefined
  session.emit(sessionAborted, { reason: 'transfer too slow' })
  session.close('transfer too slow')
  return tooSlow
}

async function readData(
  session: SmtpSession,
  intake: Intake,
  stream: DataStream,
): Promise<'complete' | 'gone' | 'slow'> {
  const { connection } = session
  const sinceMs = session.deps.clock.now()
  for (;;) {
    const next = connection.read()
    const chunk = next instanceof Promise ? await next : next
    if (chunk === undefined) return 'gone'
    stream.feed(chunk)
    let step = stream.next()
    while (step === 'piece') {
      const written = intake.write(stream.piece)
      if (written !== undefined) await written
      step = stream.next()
    }
    if (step === 'end') {
      if (stream.position < chunk.length) connection.unread(chunk.subarray(stream.position))
      return 'complete'
    }
    if (session.isTransferTooSlow(sinceMs, intake.sizeBytes)) return 'slow'
  }
}
