/** urn:ietf:params:jmap:blob (RFC 9404 §3.1). */
import type { Capability } from '../capability.ts'
import { blobGet, digestNames } from '../methods/blob-get.ts'
import { blobLookup, lookupTypes } from '../methods/blob-lookup.ts'
import { blobUpload, maxDataSources } from '../methods/blob-upload.ts'
import { jmapSettings } from '../settings.ts'

export const blob: Capability = {
  urn: 'urn:ietf:params:jmap:blob',
  methods: [blobUpload, blobGet, blobLookup],
  session: () => ({}),
  account: ({ settings }) => ({
    maxSizeBlobSet: settings.get(jmapSettings).maxUploadSize,
    maxDataSources,
    supportedTypeNames: [...lookupTypes.keys()],
    supportedDigestAlgorithms: [...digestNames],
  }),
}
