/** SHA-256 of a certificate, as people write it: 64 hexadecimal digits, with or without colons. */
export const fingerprintPattern = /^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/

/** One spelling of those that are the same. */
export const plainFingerprint = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase()
