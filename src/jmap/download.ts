/**
 * Downloads (RFC 8620 §6.2), in flat memory. The type and the name are the client's choice, so that a link made by
 * somebody else must not make a page of ours: nothing is shown in place, nothing is run, no type is guessed.
 */
import type { Context, Hono } from 'hono'
import { Fault } from '#base/fault.ts'
import { attachment } from '#http/content-disposition.ts'
import { readRange } from '#http/range.ts'
import type { BlobContent } from '#mail/client-blob.ts'
import { openBlobId } from './blob-id.ts'
import type { JmapEnv } from './gate.ts'
import { requestAccount } from './request-account.ts'
import type { JmapServices } from './services.ts'

type Services = Pick<JmapServices, 'db' | 'blobs' | 'partSizes' | 'principals'>

export function addDownloadRoutes(router: Hono<JmapEnv>, services: Services): void {
  const download = (c: Context<JmapEnv>): Promise<Response> => answerDownload(services, c)
  router.use('/jmap/download/*', async (c, next) => {
    await next()
    // RFC 9110 §15.1: what is not found may be kept, and may be there the next time.
    if (c.res.status >= 400) c.res.headers.set('Cache-Control', 'no-store')
  })
  router.get('/jmap/download/:accountId/:blobId', download)
  router.get('/jmap/download/:accountId/:blobId/', download)
  router.get('/jmap/download/:accountId/:blobId/:name', download)
}

/** Longer ones are no names of files anywhere. */
const longestName = 1024

async function answerDownload(services: Services, c: Context<JmapEnv>): Promise<Response> {
  const { accountId = '', blobId = '', name = '' } = c.req.param() as Record<string, string>
  const account = await requestAccount(services, c.get('access'), accountId, 'jmapBlobGet')
  const content = await openBlobId(services, account, blobId)
  if (content === undefined) throw notFound()
  if (name.length > longestName)
    throw new Fault('invalid', `A name may have ${longestName} characters.`, { properties: ['name'] })
  const tag = `"${blobId}"`
  const headers: Record<string, string> = {
    ETag: tag,
    'Cache-Control': 'private, immutable, max-age=31536000',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Accept-Ranges': content.sizeBytes === undefined ? 'none' : 'bytes',
  }
  if (isKnown(c.req.header('if-none-match'), tag)) return new Response(null, { status: 304, headers })
  headers['Content-Disposition'] = attachment(name)
  headers['Content-Type'] = mediaType(c.req.query('accept'))
  if (c.req.method === 'HEAD') return new Response(null, { headers: { ...headers, ...lengthOf(content) } })
  return respond(content, rangeOf(c, content, tag), headers)
}

const lengthOf = ({ sizeBytes }: Pick<BlobContent, 'sizeBytes'>): Record<string, string> =>
  sizeBytes === undefined ? {} : { 'Content-Length': String(sizeBytes) }

/** RFC 9110 §13.1.2: the bytes of an id never change. */
const isKnown = (field: string | undefined, tag: string): boolean =>
  field === '*' || field?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag) === true

/** RFC 9110 §13.1.5: with If-Range, only of what the client has a part of. */
function rangeOf(c: Context<JmapEnv>, { sizeBytes }: BlobContent, tag: string): ReturnType<typeof readRange> {
  const condition = c.req.header('if-range')
  if (sizeBytes === undefined) return undefined
  if (condition !== undefined && condition !== tag) return undefined
  return readRange(c.req.header('range'), sizeBytes)
}

async function respond(
  content: BlobContent,
  range: ReturnType<typeof readRange>,
  headers: Record<string, string>,
): Promise<Response> {
  const { sizeBytes } = content
  if (range === 'unsatisfiable') {
    return new Response(null, { status: 416, headers: { 'Content-Range': `bytes */${sizeBytes}` } })
  }
  if (range !== undefined) headers['Content-Range'] = `bytes ${range.start}-${range.end - 1}/${sizeBytes}`
  const length = range === undefined ? sizeBytes : range.end - range.start
  Object.assign(headers, lengthOf({ sizeBytes: length }))
  const pieces = content.read(range?.start, range?.end)[Symbol.asyncIterator]()
  // Read before anything is answered: what was swept meanwhile is not found.
  const first = await pieces.next()
  const isWhole = first.done === true || first.value.length === length
  const body = isWhole ? (first.value ?? null) : streamOf(first.value, pieces)
  if (isWhole) await pieces.return?.()
  return new Response(body as ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null, {
    status: range === undefined ? 200 : 206,
    headers,
  })
}

/** As fast as the client reads. */
function streamOf(first: Uint8Array, pieces: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  let next: Uint8Array | undefined = first
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (next !== undefined) {
          controller.enqueue(next)
          next = undefined
          return
        }
        const { done, value } = await pieces.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await pieces.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,127}"
const parameter = String.raw`[\t ]{0,9};[\t ]{0,9}${token}=(?:${token}|"[\t !#-\[\]-~]{0,255}")`
const typeForm = new RegExp(`^${token}/${token}(?:${parameter}){0,9}$`)

/** What the client said (RFC 9110 §8.3.1), or bytes of no type. */
const mediaType = (wanted: string | undefined): string =>
  wanted !== undefined && typeForm.test(wanted) ? wanted : 'application/octet-stream'

const notFound = (): Fault => new Fault('notFound', 'There is no such blob.', { what: 'blob' })
