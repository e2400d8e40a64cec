/** urn:ietf:params:jmap:core (RFC 8620 §2). */
import type { Capability } from '../capability.ts'
import { blobCopy } from '../methods/blob-copy.ts'
import { coreEcho } from '../methods/core-echo.ts'
import { pushSubscriptionGet } from '../methods/push-subscription-get.ts'
import { pushSubscriptionSet } from '../methods/push-subscription-set.ts'
import { jmapSettings } from '../settings.ts'
import { collations } from '../sort.ts'

export const core: Capability = {
  urn: 'urn:ietf:params:jmap:core',
  methods: [coreEcho, blobCopy, pushSubscriptionGet, pushSubscriptionSet],
  session: ({ settings }) => {
    const s = settings.get(jmapSettings)
    return {
      maxSizeUpload: s.maxUploadSize,
      maxConcurrentUpload: s.maxConcurrentUploads,
      maxSizeRequest: s.maxRequestSize,
      maxConcurrentRequests: s.maxConcurrentRequests,
      maxCallsInRequest: s.maxMethodCalls,
      maxObjectsInGet: s.getMaxResults,
      maxObjectsInSet: s.setMaxObjects,
      collationAlgorithms: [...collations],
    }
  },
}
