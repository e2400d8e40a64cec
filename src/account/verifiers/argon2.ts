/**
 * argon2i, argon2d and argon2id (RFC 9106) in the PHC form `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, which
 * new passwords get.
 */
import { createRequire } from 'node:module'
import type { hashSync, verifySync } from '@node-rs/argon2'
import { SyntaxFault } from '#base/fault.ts'
import { bounded, damaged, type HashForm, readBase64 } from './hash-form.ts'

interface Library {
  readonly hashSync: typeof hashSync
  readonly verifySync: typeof verifySync
}

// Native code, which only the thread that hashes needs: others read what stands in a hash.
const load = createRequire(import.meta.url)
let loaded: Library | undefined
const library = (): Library => (loaded ??= load('@node-rs/argon2') as Library)

/** RFC 9106 §4 gives the method; these are OWASP's smallest figures: 19 MiB, two passes, one lane. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const
const currentStart = '$argon2id$v=19$m=19456,t=2,p=1$'

const mostMemoryKib = 512 * 1024
/** Memory times passes: about a second of work. */
const mostKibPasses = 1024 * 1024
const mostLanes = 64

const pattern =
  /^\$argon2(?:id|i|d)\$(?:v=(16|19)\$)?m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,8})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

export const argon2: HashForm = {
  shown: 'argon2 "$argon2id$", "$argon2i$", "$argon2d$"',
  read(text) {
    if (!text.startsWith('$argon2')) return undefined
    const [, , memory, passes, lanes, salt, hash] = pattern.exec(text) ?? damaged('argon2')
    const memoryKib = bounded('memory in KiB', memory!, 8, mostMemoryKib)
    const passCount = bounded('passes', passes!, 1, mostKibPasses)
    bounded('lanes', lanes!, 1, mostLanes)
    if (memoryKib * passCount > mostKibPasses) throw new SyntaxFault('argon2: costs too much to check', 0)
    // RFC 9106 §3.1: the tag has 4 bytes at least; a salt of less than 8 is refused by every library.
    const [saltBytes, hashBytes] = [readBase64(salt!), readBase64(hash!)]
    if (saltBytes === undefined || saltBytes.length < 8) damaged('argon2')
    if (hashBytes === undefined || hashBytes.length < 4 || hashBytes.length > 512) damaged('argon2')
    return (password) => library().verifySync(text, password)
  },
}

/** Takes about 20 ms and 19 MiB. */
export const argon2Hash = (password: Buffer): string => library().hashSync(password, cost)

/** Whether the hash has the form and cost that new ones get. */
export const isCurrentArgon2 = (text: string): boolean => text.startsWith(currentStart)
