/** `{PLAIN}` and `{CLEAR}`: the password itself. Read in configurations and imports, never written to the store. */
import { hash } from 'node:crypto'
import { damaged, type HashForm, isSame } from './hash-form.ts'

/** The password, undefined where the text is of another form. */
export function readPlain(text: string): string | undefined {
  return /^\{(?:PLAIN|CLEAR|CLEARTEXT)\}(.*)$/is.exec(text)?.[1]
}

export const plain: HashForm = {
  shown: '"{PLAIN}", "{CLEAR}"',
  read(text) {
    const password = readPlain(text)
    if (password === undefined) return undefined
    if (password === '') damaged('{PLAIN}')
    // Digests of one length, so that the comparison tells nothing of the password's.
    const wanted = hash('sha256', password, 'buffer')
    return (given) => isSame(hash('sha256', given, 'buffer'), wanted)
  },
}
