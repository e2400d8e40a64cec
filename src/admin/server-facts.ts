/** What the home page and the status say about the server: what clients need to know to connect. */

export type ServiceName = 'smtp' | 'submission' | 'lmtp' | 'imap' | 'pop3' | 'managesieve' | 'http'

export interface ListenerFacts {
  readonly service: ServiceName
  /** The address it is bound to; `0.0.0.0` and `::` for all. */
  readonly ip: string
  readonly port: number
  /** `tls` from the first byte, `starttls` on request, `none` never. */
  readonly security: 'tls' | 'starttls' | 'none'
}

export interface ServerFacts {
  readonly version: string
  /** The name that clients are told to connect to. */
  readonly hostName: string
  readonly startedAtMs: number
  readonly listeners: readonly ListenerFacts[]
  /** Clients will ask whether to trust the certificate. */
  readonly selfSigned: boolean
}
