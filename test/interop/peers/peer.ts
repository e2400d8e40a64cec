/**
 * What the exchange of mail (`exchange.ts`) has to know of another maker's mail server. A peer takes mail for
 * one domain, all of it into one Maildir, whatever is before the @; nobody@ of it is refused. What comes in for
 * other domains goes on to the server under test. Both ways by TLS only. Nobody signs in: it is on the loopback.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Program } from '../debian-packages.ts'

export interface PeerSetup {
  /** Of 127.0.0.1. */
  readonly port: number
  readonly domain: string
  /** The port of the server under test. */
  readonly next: number
}

export interface RunningPeer extends AsyncDisposable {
  /** The Maildir; lines end with LF in it. */
  readonly mailbox: string
  /** What it logged so far, for failures. */
  readonly log: string
}

export interface Peer {
  readonly name: string
  readonly program: Program
  /** What it does not take. */
  readonly lacks: readonly Ability[]
  /** Of a message in its mailbox: what the field above it says of the connection. */
  readonly receivedByTls: RegExp
  /** Whom a message in its mailbox was for: the name of the field. */
  readonly recipientField: string
  /** What becomes of its refusal of nobody@: status, and its words. */
  readonly refusal: { readonly status: string; readonly said: RegExp }
  /** What its own reports say of the envelope `E+2B1` and the recipient `rfc822;first+2Bone@elsewhere.example`. */
  readonly reports: { readonly envelopeId?: string; readonly originalRecipient?: string }
  /** Resolves when it answers. */
  start(setup: PeerSetup): Promise<RunningPeer>
}

export type Ability = 'utf8' | 'quoted'

export const nameOf = (domain: string): string => `mx.${domain}`

/** Resolves when there is a greeting. */
export async function answers(port: number, log: () => string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    const socket = connect({ port, host: '127.0.0.1' })
    try {
      await once(socket, 'data')
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    } finally {
      socket.destroy()
    }
  }
  throw new Error(`nobody answers at ${port}:\n${log()}`)
}
