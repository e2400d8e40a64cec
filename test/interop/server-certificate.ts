/** The certificate that a server shows, for clients that want to be told whom to trust. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:tls'

/** Writes it to the file as PEM. */
export async function saveCertificate(port: number, file: string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerCertificate()
  socket.destroy()
  const lines = raw.toString('base64').match(/.{1,64}/g)!
  writeFileSync(file, ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'))
}
