/**
 * One client's connection as the line protocols see it: lines and bytes in, batched bytes out. One read at
 * a time. Output is held back while input is at hand, and sent when the session waits for more: a client
 * that pipelines its commands gets the answers together (RFC 2920 §3.2).
 */
import type { Maybe } from '#base/maybe.ts'
import type { TlsFacts } from './tls.ts'

export interface Endpoint {
  readonly ip: string
  readonly port: number
}

/**
 * Why no more input comes. The peer ended its side (`peer`), was silent too long (`idle`), sent what cannot be
 * inflated (`garbled`), the server stops (`shutdown`): a goodbye can still be written. Gone are connections of a peer that did not read (`stalled`),
 * sent a line without end (`flood`), was cut off (`lost`), or that we closed (`closed`).
 */
export type EndReason = 'peer' | 'idle' | 'garbled' | 'shutdown' | 'stalled' | 'flood' | 'lost' | 'closed'

export interface LineOptions {
  /** `keep`, the default: only CRLF ends a line. `accept`: a lone LF does too. */
  readonly bareLf?: 'keep' | 'accept'
  /** The line belongs to something begun, so a shutdown does not end it. */
  readonly continues?: boolean
}

export interface Connection extends AsyncDisposable {
  readonly listener: string
  readonly peer: Endpoint
  readonly local: Endpoint
  readonly tls: TlsFacts | undefined
  /** Whether `startTls` is possible now. */
  readonly canStartTls: boolean
  /** Aborted when the connection is gone. A shutdown aborts it at its deadline, not before. */
  readonly signal: AbortSignal
  readonly ended: EndReason | undefined
  /** Bytes that have arrived and were not consumed. */
  readonly buffered: number
  /**
   * The next line without its CRLF; undefined when no more comes (`ended` tells why). A line over `maxBytes`
   * is consumed to its end and then thrown as Fault `tooLarge`. The value is there at once when the line is
   * buffered. It is a view of the input: it stays as it is, and keeps up to 64 KiB alive.
   */
  readLine(maxBytes: number, o?: LineOptions): Maybe<Buffer | undefined>
  /** The next bytes, as they come; undefined when no more come. A shutdown does not end it. */
  read(): Maybe<Buffer | undefined>
  /** Puts bytes that were read back in front of the input. */
  unread(bytes: Buffer): void
  /** Exactly so many bytes, in views as they come. Throws Fault `unavailable` where they do not all come. */
  readExact(bytes: number): AsyncIterable<Buffer>
  /**
   * Queues bytes, which must not change as long as anything is `unsent`. A promise only when the peer does not
   * keep up: wait for it before producing more. Throws or rejects with Fault `unavailable` when the connection is
   * gone.
   */
  write(...chunks: readonly Uint8Array[]): Maybe<void>
  /** Bytes that were written and may still be read by what sends them. */
  readonly unsent: number
  /** Sends what is queued without waiting for the next read; settled when the kernel has it. */
  flush(): Maybe<void>
  /**
   * Drops what is buffered in clear (RFC 3207 §4.2, RFC 9051 §6.2.1), sends `goAhead` and makes the TLS
   * handshake. Returns how much was dropped. Where the handshake fails, throws and the connection is gone.
   */
  startTls(goAhead: Uint8Array): Promise<{ droppedBytes: number }>
  readonly isDeflated: boolean
  /** Sends what is queued; from then on both sides compress (RFC 1951). */
  startDeflate(): Promise<void>
  /** Sends what is queued; from then on nothing is compressed, and what came behind the last flush is taken so. */
  stopDeflate(): Promise<void>
  /** How long a read may wait: for a whole line, or for any next bytes. */
  setIdleTimeout(ms: number): void
  /** As at a shutdown, for this connection alone: nothing new is begun, and soon it is cut off. */
  dismiss(): void
  /** Sends what is queued, ends our side and waits shortly for the peer to end his. */
  close(): Promise<void>
  destroy(): void
}
