/** COMPRESS: from the CRLF of its answer on, both sides compress what they send. */
import { command, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import type { Arguments } from '../wire/grammar.ts'
import { signedIn } from '../session/session-state.ts'

export const compress = command<string>({
  name: 'COMPRESS',
  states: signedIn,
  standard: 'RFC 4978 §3',
  parse: whole((args: Arguments, session) => {
    args.sp()
    const algorithm = args.word()
    if (algorithm !== 'DEFLATE' || !session.settings.allowCompression) args.fail('unknown compression')
    return algorithm
  }),
  async run(session) {
    const { connection, reader, out } = session
    if (connection.isDeflated) throw new Refusal('Compression is on already', 'COMPRESSIONACTIVE', 'BAD')
    session.tagged(reader.tag, 'OK', undefined, 'DEFLATE active')
    await out.end()
    await connection.startDeflate()
    return { silent: true }
  },
})
