/**
 * scrypt (RFC 7914) as passlib and the PHC form write it: `$scrypt$ln=16,r=8,p=1$salt$hash`, where N is
 * 2^ln and the salt and hash are base64 without padding.
 */
import { randomBytes, scryptSync } from 'node:crypto'
import { SyntaxFault } from '#base/fault.ts'
import { bounded, damaged, type HashForm, isSame, phcBase64, readBase64 } from './hash-form.ts'

/** N times r times p: 256 MiB where p is 1, about a second. */
const mostWork = 1 << 21
const newParameters = 'ln=16,r=8,p=1'

const pattern =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,8}),p=(\d{1,8})(?:,l=(\d{1,3}))?\$([A-Za-z0-9+/.]*)\$([A-Za-z0-9+/.]+)$/

export const scrypt: HashForm = {
  shown: 'scrypt "$scrypt$ln="',
  read(text) {
    if (!text.startsWith('$scrypt$')) return undefined
    const [, ln, r, p, , salt, hash] = pattern.exec(text) ?? damaged('scrypt')
    const parameters = {
      N: 2 ** bounded('ln of scrypt', ln!, 1, 21),
      r: bounded('r of scrypt', r!, 1, mostWork),
      p: bounded('p of scrypt', p!, 1, mostWork),
    }
    if (parameters.N * parameters.r * parameters.p > mostWork) {
      throw new SyntaxFault('scrypt: costs too much to check', 0)
    }
    const [saltBytes, hashBytes] = [readBase64(salt!), readBase64(hash!)]
    if (saltBytes === undefined || hashBytes === undefined) damaged('scrypt')
    if (hashBytes.length < 10 || hashBytes.length > 64) damaged('scrypt')
    return (password) => isSame(derive(password, saltBytes, hashBytes.length, parameters), hashBytes)
  },
}

const derive = (
  password: Buffer,
  salt: Buffer,
  bytes: number,
  o: { readonly N: number; readonly r: number; readonly p: number },
): Buffer => scryptSync(password, salt, bytes, { ...o, maxmem: 256 * o.N * o.r * o.p + (1 << 20) })

/** 64 MiB and about 0.2 s. */
export function scryptHash(password: Buffer): string {
  const salt = randomBytes(16)
  const hash = derive(password, salt, 32, { N: 1 << 16, r: 8, p: 1 })
  return `$scrypt$${newParameters}$${phcBase64(salt)}$${phcBase64(hash)}`
}

export const isCurrentScrypt = (text: string): boolean => text.startsWith(`$scrypt$${newParameters}$`)
