/** The package has no types. */
declare module 'http_ece' {
  import type { ECDH } from 'node:crypto'

  export function encrypt(
    bytes: Buffer,
    o: {
      readonly version: 'aes128gcm'
      readonly privateKey: ECDH
      /** base64url */
      readonly dh: string
      readonly authSecret: string
      /** Of a record. */
      readonly rs: number
    },
  ): Buffer
}
