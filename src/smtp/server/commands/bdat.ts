/**
 * BDAT (RFC 3030 §2): data by count. The octets follow the command whatever the answer will be, so they are
 * always taken in before it is given; after a refused chunk every further one is refused until RSET.
 */
import { asBuffer } from '#base/bytes.ts'
import type { Cursor } from '#base/cursor.ts'
import { LineEndCheck } from '#message/line-ends.ts'
import { faultReply } from '../../errors.ts'
import { sessionAborted, smtpError } from '../../events.ts'
import { type Reply, reply } from '../../reply.ts'
import { receiveMessage } from '../receive.ts'
import { everywhere, smtpCommand, type SmtpSession } from '../smtp-command.ts'
import type { Chunks } from '../transaction.ts'

const syntax = reply(501, '5.5.4', 'Syntax: BDAT size [LAST]')
const signInFirst = reply(530, '5.7.0', 'Authentication required')
const noTransaction = reply(503, '5.5.1', 'MAIL and RCPT first')
const noRecipients = reply(503, '5.5.1', 'No valid recipients')
const afterFailure = reply(503, '5.5.1', 'A chunk was refused, send RSET first')
const tooSlow = reply(421, '4.4.2', 'Transfer is too slow, closing connection')

interface BdatArguments {
  readonly sizeBytes: number
  readonly isLast: boolean
}

export const bdat = smtpCommand<BdatArguments | undefined>({
  verb: 'BDAT',
  standard: 'RFC 3030 §2',
  roles: everywhere,
  need: 'nothing',
  needsSignIn: false,
  operation: 'data',
  syntaxReply: syntax,
  parse,
  run(session, args) {
    if (args !== undefined) return receiveChunk(session, args)
    // How many octets follow is unknown: read as commands, they could do anything.
    session.emit(sessionAborted, { reason: 'BDAT without a size' })
    session.close('BDAT without a size')
    return syntax
  },
})

/** chunk-size of up to 15 digits, which is more than anybody can send; undefined where it is malformed. */
function parse(argument: Cursor): BdatArguments | undefined {
  const text = asBuffer(argument.bytes).toString('latin1', argument.at, argument.end)
  const match = /^(\d{1,15})(?: +(LAST))?$/i.exec(text)
  return match === null ? undefined : { sizeBytes: Number(match[1]), isLast: match[2] !== undefined }
}

async function receiveChunk(
  session: SmtpSession,
  { sizeBytes, isLast }: BdatArguments,
): Promise<Reply | undefined> {
  const chunks = chunksFor(session)
  const outcome = await readChunk(session, sizeBytes, Buffer.isBuffer(chunks) ? undefined : chunks)
  if (outcome !== 'complete') {
    session.reset()
    if (outcome === 'gone') return undefined
    session.emit(sessionAborted, { reason: 'transfer too slow' })
    session.close('transfer too slow')
    return tooSlow
  }
  if (Buffer.isBuffer(chunks)) return chunks
  const transaction = session.transaction!
  const { intake, lineEnds } = chunks
  if (isLast) {
    transaction.chunks = undefined
    return receiveMessage(session, transaction, intake, lineEnds.hasBareLineEnd)
  }
  const { failure } = intake
  if (failure === undefined) return reply(250, '2.0.0', `${sizeBytes} octets received`)
  if (failure.code === 'unavailable') session.emit(smtpError, { error: failure })
  transaction.chunks = 'failed'
  return faultReply(failure, 'data')
}

/** Where the octets go, or why they go nowhere. */
function chunksFor(session: SmtpSession): Chunks | Reply {
  const { transaction } = session
  if (session.role === 'submission' && session.access === undefined) return signInFirst
  if (transaction === undefined) return noTransaction
  if (transaction.chunks === 'failed') return afterFailure
  if (transaction.recipients.length === 0) return noRecipients
  transaction.chunks ??= { intake: session.newIntake(), lineEnds: new LineEndCheck() }
  return transaction.chunks
}

async function readChunk(
  session: SmtpSession,
  sizeBytes: number,
  chunks: Chunks | undefined,
): Promise<'complete' | 'gone' | 'slow'> {
  const { connection } = session
  const sinceMs = session.deps.clock.now()
  let left = sizeBytes
  while (left > 0) {
    const next = connection.read()
    const chunk = next instanceof Promise ? await next : next
    if (chunk === undefined) return 'gone'
    const piece = chunk.length > left ? chunk.subarray(0, left) : chunk
    if (piece.length < chunk.length) connection.unread(chunk.subarray(left))
    left -= piece.length
    if (chunks !== undefined) {
      chunks.lineEnds.push(piece)
      const written = chunks.intake.write(piece)
      if (written !== undefined) await written
    }
    if (left > 0 && session.isTransferTooSlow(sinceMs, sizeBytes - left)) return 'slow'
  }
  return 'complete'
}
