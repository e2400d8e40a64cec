/** What the process's threads are told when they begin; `main.ts` starts each by its role. */
import type { Worker } from 'node:worker_threads'
import type { CommitterLine } from '#kv/committer-client.ts'
import type { CertificatePair } from '#net/certificate-set.ts'
import type { EmbeddedEngine } from './engine-choice.ts'

export interface CommitterData {
  readonly role: 'committer'
  readonly directory: string
  readonly engine: EmbeddedEngine
  /** Deliveries are refused below this much free space; deletions still work. */
  readonly reserveBytes: number
  readonly counters: SharedArrayBuffer
}

export interface WorkerData {
  readonly role: 'worker'
  readonly directory: string
  readonly configPath: string | undefined
  readonly engine: EmbeddedEngine
  readonly line: CommitterLine
  readonly busChannel: string
  readonly certificate: CertificatePair
  readonly ticketKeys: Uint8Array
}

interface HashData {
  readonly role: 'hash'
}

export type ThreadData = CommitterData | WorkerData | HashData

/** Starts the program's main file as a thread. Ports in the data are handed over. */
export type Spawn = (data: ThreadData) => Worker
