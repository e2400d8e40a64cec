/** GETJMAPACCESS: where the same mail is, with the same identifiers, over JMAP. */
import { jmapSession } from '../session/jmap-access.ts'
import { command, noArguments } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { signedIn } from '../session/session-state.ts'

export const getjmapaccess = command({
  name: 'GETJMAPACCESS',
  states: signedIn,
  standard: 'RFC 9698 §4',
  parse: noArguments,
  async run(session) {
    const url = jmapSession(session)
    if (url === undefined) throw new Refusal('There is no JMAP for this sign-in', undefined, 'BAD')
    session.untagged(`JMAPACCESS "${url}"`)
  },
})
