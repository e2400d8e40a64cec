/** For the tests of blobs: what is uploaded in a call, and what messages are called. */
import assert from 'node:assert/strict'
import type { AccountId } from '#base/id.ts'
import { messageBlob, partBlob } from '#mail/client-blob.ts'
import { messageTable } from '#mail/tables.ts'
import type { Ingested } from '#mail/ingest.ts'
import { blobIdText } from './blob-id.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { type JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

/** The id of an upload with these bytes. */
export async function uploaded(
  server: JmapTestServer,
  bytes: Uint8Array | string,
  o: { readonly as?: string; readonly accountId?: string } = {},
): Promise<string> {
  const { as, ...args } = o
  const data = [{ 'data:asBase64': Buffer.from(bytes).toString('base64') }]
  const call = { ...args, create: { a: { data } } }
  const { created, notCreated } = await server.call('Blob/upload', call, as === undefined ? {} : { as })
  assert.equal(notCreated, null)
  return (created as { a: { id: string } }).a.id
}

/** The id of a message, or of a part of it. */
export async function blobIdOf(
  { db }: JmapTestServer,
  { id }: Ingested,
  o: { readonly part?: number; readonly of?: AccountId } = {},
): Promise<string> {
  const of = o.of ?? account
  const row = (await db.read((tx) => tx.get(messageTable, of, id)))!
  const blob = messageBlob(of, id, row)
  return blobIdText(o.part === undefined ? blob : partBlob(blob, o.part))
}

/** Of a Blob/get of one blob. */
export async function readBlob(
  server: JmapTestServer,
  id: string,
  args: JsonObject = {},
  as?: string,
): Promise<JsonObject | undefined> {
  const { list, notFound } = await server.call(
    'Blob/get',
    { ids: [id], ...args },
    as === undefined ? {} : { as },
  )
  assert.equal((list as JsonObject[]).length + (notFound as string[]).length, 1)
  return (list as JsonObject[])[0]
}

/** Tells how many bytes were staged since. */
export function countStaged({ blobs }: JmapTestServer): () => number {
  const stagerOf = blobs.stager.bind(blobs)
  let bytes = 0
  blobs.stager = (o) => {
    const one = stagerOf(o)
    const write = one.write.bind(one)
    one.write = (chunk) => {
      bytes += chunk.length
      return write(chunk)
    }
    return one
  }
  return () => bytes
}
