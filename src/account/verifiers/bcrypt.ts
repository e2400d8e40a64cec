/**
 * bcrypt: `$2b$12$` and 53 characters. It knows only the first 72 bytes of a password.
 *
 * `$2a$`, `$2b$` and `$2y$` mean the same today. `$2x$` marks hashes of an old PHP that went wrong for bytes
 * above 127: for all other passwords it is the same too, and those others cannot sign in.
 */
import bcryptjs from 'bcryptjs'
import { bounded, damaged, type HashForm } from './hash-form.ts'

/** 2^14 rounds are about a second. */
const highestCost = 14
const newCost = 11
export const bcryptMaxBytes = 72

const pattern = /^\$2([abxy])\$(\d\d)\$([./A-Za-z0-9]{53})$/

export const bcrypt: HashForm = {
  shown: 'bcrypt "$2b$", "$2a$", "$2y$"',
  read(text) {
    if (!/^\$2[a-z]?\$/.test(text)) return undefined
    const [, variant, cost, rest] = pattern.exec(text) ?? damaged('bcrypt')
    bounded('the cost of bcrypt', cost!, 4, highestCost)
    const standard = `$2b$${cost}$${rest}`
    return (password) => {
      if (variant === 'x' && password.some((byte) => byte > 127)) return false
      return bcryptjs.compareSync(password.toString('utf8'), standard)
    }
  },
}

/** Of at most 72 bytes. Takes about 0.2 s. */
export const bcryptHash = (password: Buffer): string => bcryptjs.hashSync(password.toString('utf8'), newCost)

export const isCurrentBcrypt = (text: string): boolean => text.startsWith(`$2b$${newCost}$`)
