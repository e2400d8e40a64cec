/**
 * The token by which programs on this machine administer the server without a password: whoever may read the
 * data directory could read all mail anyway. New at each start, accepted from this machine only.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** In the data directory, readable for its owner only. */
export const adminTokenFile = 'admin-token'

/** Makes a new token and puts it into the data directory in place of the last one. */
export async function writeAdminToken(dataDirectory: string): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  const file = path.join(dataDirectory, adminTokenFile)
  // A file of its own first: one that somebody left there keeps its mode and its readers.
  const aside = `${file}-${process.pid}`
  await rm(aside, { force: true })
  await writeFile(aside, `${token}\n`, { mode: 0o600, flag: 'wx' })
  await rename(aside, file)
  return token
}

/** For when the server stops. */
export const removeAdminToken = (dataDirectory: string): Promise<void> =>
  rm(path.join(dataDirectory, adminTokenFile), { force: true })

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** In a time that tells nothing about the token. */
export const isSameToken = (given: string, token: string): boolean =>
  timingSafeEqual(digest(given), digest(token))
