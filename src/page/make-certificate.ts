/** A certificate that is signed by its own key (RFC 5280). Loaded when one has to be made: it brings a library for ASN.1. */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { hostname, networkInterfaces } from 'node:os'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
  id_kp_serverAuth,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version
} from '@peculiar/asn1-x509'

const dayMs = 86_400_000
/** Apple's browsers refuse a certificate that is valid for more than 825 days. */
const validDays = 820
const mostNames = 32

/** RFC 5758: ecdsa-with-SHA256. */
const ecdsaWithSha256 = '1.2.840.10045.4.3.2'
/** RFC 5280: commonName. */
const commonName = '2.5.4.3'

/**
 * A key and a certificate for a server that is called as this machine is at present, valid from the day before.
 * @param now ms since the epoch
 * @returns both, PEM
 */
export function makeCertificate(device: string, now: number): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = new AlgorithmIdentifier({ algorithm: ecdsaWithSha256 })
  const name = new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type: commonName, value: new AttributeValue({ utf8String: `painlens ${device}` }) })
    ])
  ])
  const tbsCertificate = new TBSCertificate({
    ...{
      version: Version.v3,
      serialNumber: serialFrom(randomBytes(16))
    },
    ...{ signature: algorithm, issuer: name, subject: name },
    validity: new Validity({
      notBefore: new Date(now - dayMs),
      notAfter: new Date(now + validDays * dayMs)
    }),
    subjectPublicKeyInfo: AsnConvert.parse(publicKey.export({ type: 'spki', format: 'der' }), SubjectPublicKeyInfo),
    extensions: new Extensions([
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false })),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
      extension(id_ce_subjectAltName, new SubjectAlternativeName(ownNames()))
    ])
  })
  const signed = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), privateKey)
  const signatureValue = signed.buffer.slice(signed.byteOffset, signed.byteOffset + signed.byteLength) as ArrayBuffer
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue })
  const pem = new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))).toString()
  return `${privateKey.export({ type: 'pkcs8', format: 'pem' })}${pem}`
}

/** Positive, and without zeros in front, which DER does not allow in a number. @param random 16 bytes */
export function serialFrom(random: Uint8Array): ArrayBuffer {
  const serial = Uint8Array.from(random)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  return serial.buffer
}

const extension = (extnID: string, value: object): Extension =>
  new Extension({ extnID, critical: false, extnValue: new OctetString(AsnConvert.serialize(value)) })

/** What this machine is called at present. */
function ownNames(): GeneralName[] {
  const host = hostname().toLowerCase()
  const names = [...new Set(['localhost', host, `${host}.local`])].filter((name) => /^[a-z0-9.-]{1,250}$/.test(name))
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
  // An address with a zone is one of a link, which no browser can name.
  const known = [...new Set(addresses)].filter((address) => !address.includes('%')).slice(0, mostNames)
  return [
    ...names.map((dNSName) => new GeneralName({ dNSName })),
    ...known.map((iPAddress) => new GeneralName({ iPAddress }))
  ]
}
