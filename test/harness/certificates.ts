/** Certificates that are valid for a hundred years; certificates/make.sh made them. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type CertificateName =
  | 'root'
  | 'intermediate'
  | 'server'
  | 'server-chain'
  | 'server-rsa'
  | 'client'
  | 'stranger'

export const certificatePath = (name: string): string =>
  fileURLToPath(new URL(`certificates/${name}.pem`, import.meta.url))

export const testCertificate = (name: CertificateName): string => readFileSync(certificatePath(name), 'utf8')

export const testKey = (name: 'server' | 'server-rsa' | 'client' | 'stranger'): string =>
  readFileSync(certificatePath(`${name}.key`), 'utf8')
