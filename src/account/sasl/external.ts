/**
 * EXTERNAL (RFC 4422 appendix A): the client is who its TLS certificate says, by an e-mail address in it. Only
 * where the listener asked for a certificate and found it good, and where the setting says so.
 */
import { empty } from '#base/bytes.ts'
import { longestNameBytes, readSafeText, type SaslMechanism } from './mechanism.ts'

export const external: SaslMechanism = {
  name: 'EXTERNAL',
  needsTls: true,
  isOffered: ({ tls }, { certificateSignIn }) =>
    certificateSignIn && (tls?.peerCertificate?.names.email.length ?? 0) > 0,
  start({ signIn, from, tls }) {
    return {
      async next(response) {
        if (response === undefined) return { challenge: empty }
        // Empty: whoever the certificate is of.
        const actAs = response.length === 0 ? undefined : readSafeText(response, longestNameBytes)
        if (response.length > 0 && actAs === undefined) return { failed: 'malformed' }
        const addresses = tls?.peerCertificate?.names.email ?? []
        const access = await signIn.certificate(addresses, from, actAs === undefined ? {} : { actAs })
        return access === 'wrong' ? { failed: 'wrong' } : { done: access }
      },
    }
  },
}
