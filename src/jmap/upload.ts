/**
 * Uploads (RFC 8620 §6.1): a body is staged as it comes, in flat memory, and is an upload of the account when the
 * answer is sent. What breaks off, or is too large, leaves nothing behind.
 */
import type { Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { isFault } from '#base/fault.ts'
import { rateLimitHeaders } from '#http/rate-limit.ts'
import type { Staged } from '#kv/backend.ts'
import { uploadBlob } from '#mail/client-blob.ts'
import { keepUpload, type UploadedBytes } from '#mail/upload.ts'
import type { OpenAccount } from './accounts.ts'
import { blobIdText } from './blob-id.ts'
import { RequestProblem } from './errors.ts'
import type { JmapEnv } from './gate.ts'
import { requestAccount } from './request-account.ts'
import type { JmapServices } from './services.ts'
import { jmapSettings } from './settings.ts'

type Services = Pick<JmapServices, 'db' | 'blobs' | 'settings' | 'clock' | 'principals' | 'running'>

export function addUploadRoutes(router: Hono<JmapEnv>, services: Services): void {
  const upload = (c: Context<JmapEnv>): Promise<Response> => answerUpload(services, c)
  router.post('/jmap/upload/:accountId', upload)
  router.post('/jmap/upload/:accountId/', upload)
}

async function answerUpload(services: Services, c: Context<JmapEnv>): Promise<Response> {
  const { uploads } = services.running
  const access = c.get('access')
  // RFC 9110 §8.4: what is stored must be what the client means.
  if (/^(?!identity$)./i.test(c.req.header('content-encoding') ?? ''))
    throw new HTTPException(415, { message: 'Files are taken without an encoding only.' })
  const account = await requestAccount(services, access, c.req.param('accountId') ?? '', 'jmapBlobUpload')
  const { maxConcurrentUploads: most, maxUploadSize } = services.settings.get(jmapSettings)
  using slot = uploads.take(access.account, most)
  const limit = { name: 'uploads', most, left: most - uploads.of(access.account) }
  const headers = { ...rateLimitHeaders(limit), 'Cache-Control': 'no-store' }
  try {
    if (slot === undefined)
      throw new RequestProblem('limit', `At most ${most} uploads may go on at once.`, {
        limit: 'maxConcurrentUpload',
        status: 429,
      })
    const { blobId, sizeBytes } = await receive(services, account, c, maxUploadSize)
    const type = c.req.header('content-type') ?? 'application/octet-stream'
    return Response.json({ accountId: account.text, blobId, type, size: sizeBytes }, { status: 201, headers })
  } catch (error) {
    if (error instanceof RequestProblem) return error.toResponse(headers)
    throw error
  }
}

/** Throws RequestProblem `limit`. */
async function receive(
  services: Services,
  account: OpenAccount,
  c: Context<JmapEnv>,
  maxBytes: number,
): Promise<{ readonly blobId: string; readonly sizeBytes: number }> {
  const tooLarge = (): RequestProblem =>
    new RequestProblem('limit', `A file may have ${maxBytes} bytes.`, {
      limit: 'maxSizeUpload',
      status: 413,
    })
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge()
  try {
    return await stageUpload(services, account, c.req.raw.body ?? [], maxBytes)
  } catch (error) {
    if (isFault(error, 'tooLarge')) throw tooLarge()
    throw error
  }
}

/** Bytes as they come become an upload. Throws Fault `tooLarge`, and what reading throws. */
export async function stageUpload(
  services: Pick<Services, 'db' | 'blobs' | 'settings' | 'clock'>,
  account: OpenAccount,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): Promise<{ readonly blobId: string; readonly sizeBytes: number }> {
  const stager = services.blobs.stager({ maxBytes })
  let staged: Staged
  try {
    for await (const piece of bytes) await stager.write(piece)
    staged = await stager.finish()
    const blobId = await keep(services, account, staged)
    return { blobId, sizeBytes: staged.sizeBytes }
  } catch (error) {
    await stager.abort()
    throw error
  }
}

/** Staged or stored bytes become an upload; its id. Throws Fault `notFound` where stored ones are gone. */
export async function keep(
  { db, settings, clock }: Pick<Services, 'db' | 'settings' | 'clock'>,
  account: OpenAccount,
  bytes: UploadedBytes,
): Promise<string> {
  const { uploadQuota, maxUploadCount, uploadTtl } = settings.get(jmapSettings)
  const limits = { bytes: uploadQuota, count: maxUploadCount, ttlMs: uploadTtl }
  const hash = await db.write([account.id], (tx) =>
    keepUpload(tx, account.id, account.who.account, bytes, { now: clock.now(), limits }),
  )
  return blobIdText(uploadBlob(hash))
}
