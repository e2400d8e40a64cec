/** ID: who is who, for logs and bug reports. What the client says changes nothing. */
import { command, whole } from '../session/command.ts'
import { anyState } from '../session/session-state.ts'
import type { Arguments } from '../wire/grammar.ts'

/** RFC 2971 §3.3: at most 30 pairs, names to 30 bytes, values to 1024. */
const maxPairs = 30
const maxNameBytes = 30
const maxValueBytes = 1024

export const id = command({
  name: 'ID',
  states: anyState,
  standard: 'RFC 2971 §3.1',
  parse: whole((args: Arguments) => {
    args.sp()
    if (args.takeWord('nil')) return
    args.open()
    if (args.takeClose()) return
    for (let pairs = 0; pairs === 0 || !args.takeClose(); pairs++) {
      if (pairs === maxPairs) args.fail('too many fields')
      if (pairs > 0) args.sp()
      const name = args.string()
      args.sp()
      const value = args.nstring()
      if (name.length > maxNameBytes || (value?.length ?? 0) > maxValueBytes) args.fail('field too long')
    }
  }),
  async run(session) {
    session.untagged(`ID ("name" "Postern" "version" "${session.services.version}")`)
  },
})
