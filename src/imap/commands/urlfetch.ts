/** URLFETCH: what URLs lead to that their owners have authorised, whatever this session could reach otherwise. */
import { command, whole } from '../command.ts'
import { Refusal } from '../errors.ts'
import { writeLiteral } from '../fetch-response.ts'
import type { Arguments } from '../grammar.ts'
import { signedIn } from '../session-state.ts'
import { readAuthorised } from '../url-auth.ts'
import { maxUrls } from './genurlauth.ts'

export const urlfetch = command<readonly Uint8Array[]>({
  name: 'URLFETCH',
  states: signedIn,
  standard: 'RFC 4467 §7',
  parse: whole((args: Arguments) => {
    const urls: Uint8Array[] = []
    do {
      args.sp()
      urls.push(args.astring())
    } while (!args.atEnd)
    return urls
  }),
  async run(session, urls) {
    if (urls.length > maxUrls) throw new Refusal('Too many URLs in one command', 'LIMIT')
    const { out } = session
    let isFirst = true
    for (const url of urls) {
      const bytes = await readAuthorised(session, Buffer.from(url).toString('latin1'))
      if (isFirst) out.ascii('* URLFETCH')
      isFirst = false
      out.sp().string(url, session.isUtf8).sp()
      if (bytes === undefined) out.nil()
      else {
        const writing = writeLiteral(out, bytes)
        if (writing !== undefined) await writing
      }
    }
    out.crlf()
    const full = out.room()
    if (full !== undefined) await full
  },
})
