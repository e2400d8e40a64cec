/** What the process's threads are told when they begin; `main.ts` starts each by its role. */
import type { MessagePort, Worker } from 'node:worker_threads'
import type { CommitterLine } from '#kv/committer-client.ts'
import type { CertificatePair } from '#net/certificate-set.ts'
import type { ConfigurationText } from '#registry/live.ts'
import type { EmbeddedEngine } from './store/engine-choice.ts'
import type { LimitMemory } from './services/process-limits.ts'

/** Has no more than its role: it begins before anybody has looked where the store is. */
export interface CommitterData {
  readonly role: 'committer'
}

/** What the committer works on. */
export interface CommitterStore {
  readonly directory: string
  readonly engine: EmbeddedEngine
  /** Deliveries are refused below this much free space; deletions still work. */
  readonly reserveBytes: number
  readonly counters: SharedArrayBuffer
}

/** What a worker gets to write to the store beside the others; all of it can be sent to a thread. */
export interface StoreLine extends CommitterLine {
  readonly turns: SharedArrayBuffer
}

export interface WorkerData {
  readonly role: 'worker'
  readonly directory: string
  /** The configuration as the main thread read it. */
  readonly file: ConfigurationText | undefined
  readonly engine: EmbeddedEngine
  readonly line: StoreLine
  /** For reading the settings of the store, before services are built on them. */
  readonly earlyLine: StoreLine
  readonly limitMemory: LimitMemory
  readonly busChannel: string
  /** To the main worker, for what it alone can answer. */
  readonly webLine: MessagePort
  readonly selfSigned: CertificatePair
  readonly ticketKeys: Uint8Array
}

interface HashData {
  readonly role: 'hash'
}

/** `attachment` is started by `index`. */
interface IndexData {
  readonly role: 'index' | 'attachment'
}

export type ThreadData = CommitterData | WorkerData | HashData | IndexData

/** Starts the program's main file as a thread. Ports in the data are handed over. */
export type Spawn = (data: ThreadData) => Worker
