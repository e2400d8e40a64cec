/**
 * What the tests use of jmap-jam, in place of its own types (`paths` in tsconfig.json): those come as TypeScript
 * that our compiler options refuse.
 */
import type { JmapAnswer, JmapChanges } from './jmap-account.ts'

type Answered<Answer> = Promise<readonly [Answer, { readonly sessionState: string }]>
type Method<Answer> = (args: object) => Answer
type Verb = 'get' | 'set' | 'query' | 'import'
type ChangesVerb = 'changes' | 'queryChanges'
type Entity = 'Mailbox' | 'Thread' | 'Email' | 'SearchSnippet' | 'Identity' | 'EmailSubmission'

type Entities = Readonly<
  Record<
    Entity,
    Readonly<Record<Verb, Method<Answered<JmapAnswer>>> & Record<ChangesVerb, Method<Answered<JmapChanges>>>>
  >
>

interface Draft {
  $ref(path: string): object
}
type Drafts = Readonly<Record<Entity, Readonly<Record<Verb, Method<Draft>>>>>

export interface JamSession {
  readonly username: string
  readonly state: string
  readonly capabilities: Readonly<
    Record<string, { readonly maxCallsInRequest?: number; readonly url?: string }>
  >
  readonly accounts: Readonly<Record<string, { readonly accountCapabilities: object }>>
}

export class JamClient {
  constructor(o: { readonly sessionUrl: string; readonly bearerToken: string })
  readonly authHeader: string
  readonly session: Promise<JamSession>
  readonly api: Entities
  getPrimaryAccount(): Promise<string>
  request(
    call: readonly [method: string, args: object],
    o?: { readonly using?: readonly string[] },
  ): Answered<JmapAnswer>
  requestMany<Name extends string>(
    drafts: (t: Drafts) => Readonly<Record<Name, Draft>>,
  ): Promise<readonly [Readonly<Record<Name, JmapAnswer>>, object]>
  uploadBlob(
    accountId: string,
    body: Blob,
    init: RequestInit,
  ): Promise<{
    readonly accountId: string
    readonly blobId: string
    readonly type: string
    readonly size: number
  }>
  downloadBlob(o: {
    readonly accountId: string
    readonly blobId: string
    readonly mimeType: string
    readonly fileName: string
  }): Promise<Response>
  connectEventSource(o: {
    readonly types: readonly string[]
    readonly ping: number
    readonly closeafter: 'state' | 'no'
  }): Promise<unknown>
}
