/**
 * What a worker does when settings change while it runs: listeners come, go and change, certificates are
 * exchanged. Everything else reads its settings when it needs them.
 */
import { certificate } from '#cert/settings.ts'
import { httpSettings } from '#http/settings.ts'
import type { CertificatePair, CertificateSet } from '#net/certificate-set.ts'
import { networkListener } from '#net/settings.ts'
import type { Settings } from '#settings/object.ts'
import { certificatePairs } from './certificates.ts'
import type { ListenerSet } from './listener-set.ts'
import { planListeners } from './listener-plans.ts'
import { systemSettings } from '../settings.ts'

export interface SettingsFollower extends Disposable {
  /** When all changes so far are made: sentences about what of them could not be. */
  settled(): Promise<readonly string[]>
}

export function followSettings(o: {
  settings: Settings
  listeners: ListenerSet
  certificates: CertificateSet
  selfSigned: CertificatePair
  /** A sentence about what could not be done, and stays as it was. */
  onProblem: (text: string) => void
}): SettingsFollower {
  const { settings, listeners, certificates, onProblem } = o
  let pending: Promise<readonly string[]> = Promise.resolve([])
  let isDue = false
  const exchange = (): void => {
    try {
      certificates.replace(certificatePairs(settings, o.selfSigned))
    } catch (error) {
      onProblem((error as Error).message)
    }
  }
  const rearrange = (): void => {
    // Several objects may have changed at once: their handlers run one after the other.
    if (isDue) return
    isDue = true
    pending = Promise.resolve().then(async () => {
      isDue = false
      const problems = await listeners.apply(planListeners(settings).plans)
      for (const problem of problems) onProblem(problem)
      return problems
    })
  }
  const subscriptions = new DisposableStack()
  for (const object of [networkListener, systemSettings, httpSettings])
    subscriptions.use(settings.onChange<never>(object as never, rearrange))
  for (const object of [certificate, systemSettings])
    subscriptions.use(settings.onChange<never>(object as never, exchange))
  return {
    settled: () => pending,
    [Symbol.dispose]: () => subscriptions.dispose(),
  }
}
