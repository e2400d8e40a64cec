/**
 * What a command is: its name, the states in which it may be used, how its arguments are read, and what it
 * does. One file in `commands/` each; `../registry.ts` has them all.
 *
 * A command writes its untagged responses; the loop writes the tagged line, and shows what changed in the
 * selected mailbox before it.
 */
import type { Maybe } from '#base/maybe.ts'
import type { Arguments } from '../wire/grammar.ts'
import type { CommandReader } from '../wire/reader.ts'
import type { ImapSession } from './session.ts'
import type { SessionState } from './session-state.ts'

/** What the tagged OK says, if not just `<name> completed`. */
export interface Completion {
  /** A response code without its brackets. */
  readonly code?: string
  readonly text?: string
  /** Messages left the selected mailbox: the tagged line says HIGHESTMODSEQ, where it has no other code. */
  readonly expunged?: boolean
  /** `NO` where something was done and something was not. */
  readonly status?: 'OK' | 'NO'
  /** The command has said everything itself. */
  readonly silent?: true
}

export interface ImapCommand<A> {
  /** In upper case; with UID in front where that is another command. */
  readonly name: string
  readonly states: readonly SessionState[]
  /** Where it is defined. */
  readonly standard: string
  /** No EXPUNGE may be sent while it runs (RFC 9051 §7.5.1); for some that follows from the arguments. */
  readonly hidesExpunges?: true | ((args: A) => boolean)
  /** Its arguments or its responses have message numbers, which RFC 9586 §3 can forbid. */
  readonly usesNumbers?: true
  /** Reads the arguments; throws SyntaxFault. What it leaves unread is thrown away. */
  parse(reader: CommandReader, session: ImapSession): Maybe<A>
  /** Throws Fault and Refusal. */
  run(session: ImapSession, args: A): Promise<Completion | void>
}

/** A command with its arguments. */
export interface Prepared {
  readonly name: string
  readonly hidesExpunges: boolean
  /** Throws Fault and Refusal. */
  run(): Promise<Completion | void>
}

/** A command whose arguments only its own `run` knows. */
export interface AnyCommand extends Pick<
  ImapCommand<unknown>,
  'name' | 'states' | 'standard' | 'usesNumbers'
> {
  /** Reads the arguments and returns what remains to be done. */
  prepare(reader: CommandReader, session: ImapSession): Maybe<Prepared>
}

export function command<A>(o: ImapCommand<A>): AnyCommand {
  return {
    name: o.name,
    states: o.states,
    standard: o.standard,
    ...(o.usesNumbers === true && { usesNumbers: true }),
    prepare(reader, session) {
      const prepared = (args: A): Prepared => ({
        name: o.name,
        hidesExpunges:
          typeof o.hidesExpunges === 'function' ? o.hidesExpunges(args) : o.hidesExpunges === true,
        run: () => o.run(session, args),
      })
      const args = o.parse(reader, session)
      return args instanceof Promise ? args.then(prepared) : prepared(args)
    },
  }
}

/** Arguments that lie in memory whole: read from the first behind the command's name to the end. */
export const whole =
  <A>(read: (args: Arguments, session: ImapSession) => A) =>
  (reader: CommandReader, session: ImapSession): Maybe<A> => {
    const gathered = reader.arguments()
    const parse = (args: Arguments): A => {
      const value = read(args, session)
      args.done()
      return value
    }
    return gathered instanceof Promise ? gathered.then(parse) : parse(gathered)
  }

/** For commands without arguments. */
export const noArguments = whole(() => undefined)
