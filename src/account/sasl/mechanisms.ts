/**
 * The mechanisms there are, in one place for all protocols, and which of them a connection is offered: those
 * that can work there, and none that sends a password where others can read it.
 */
import type { Settings } from '#settings/object.ts'
import { authentication } from '../settings.ts'
import { external } from './external.ts'
import { login } from './login.ts'
import type { SaslChannel, SaslMechanism } from './mechanism.ts'
import { plain } from './plain.ts'
import { scramSha256, scramSha256Plus } from './scram.ts'

/** In the order in which they are offered. */
const all: readonly SaslMechanism[] = [scramSha256Plus, scramSha256, external, plain, login]

export class SaslMechanisms {
  readonly #settings: Pick<Settings, 'get'>

  constructor(settings: Pick<Settings, 'get'>) {
    this.#settings = settings
  }

  offered(channel: SaslChannel): readonly SaslMechanism[] {
    const settings = this.#settings.get(authentication)
    return all.filter((mechanism) => mechanism.isOffered(channel, settings))
  }

  /** `name` in upper case. `needsTls`: it is not offered here for want of TLS. */
  find(name: string, channel: SaslChannel): SaslMechanism | 'needsTls' | undefined {
    const found = this.offered(channel).find((mechanism) => mechanism.name === name)
    if (found !== undefined || channel.tls !== undefined || channel.allowsClear) return found
    return all.some((mechanism) => mechanism.name === name && mechanism.needsTls) ? 'needsTls' : undefined
  }
}
