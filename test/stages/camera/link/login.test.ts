import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAuthenticator } from '../../../../src/show/simulate/rtsp-server-login.js'
import { answerDigest, CameraLogin, parseChallenges } from '../../../../src/stages/camera/link/login.js'

const login = { user: 'Mufasa', password: 'Circle of Life' }

describe('answerDigest', () => {
  it.each([
    [
      'SHA-256 of RFC 7616, 3.9.1',
      'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'
    ],
    [
      'MD5 of RFC 7616, 3.9.1',
      'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
      '8ca523f5e9506fed4657c9700eebdbec'
    ]
  ])('computes %s', (_what, header, response) => {
    const [challenge] = parseChallenges(header)
    const request = {
      method: 'GET',
      uri: '/dir/index.html',
      count: 1,
      clientNonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
    }
    const answer = answerDigest(challenge!, login, request)
    expect(answer).toContain(`response="${response}"`)
    expect(answer).toContain('qop=auth, nc=00000001')
  })

  it('computes the first digest of RFC 2069: MD5 without qop, without a count', () => {
    const [challenge] = parseChallenges('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    const answer = answerDigest(challenge!, login, { method: 'GET', uri: '/a', count: 1, clientNonce: 'x' })
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
    const secret = md5('Mufasa:testrealm@host.com:Circle of Life')
    expect(answer).toContain(`response="${md5(`${secret}:dcd98b7102dd2f0e8b11d0f600bfb0c093:${md5('GET:/a')}`)}"`)
    expect(answer).not.toMatch(/nc=|cnonce|algorithm/)
  })

  it('computes the session variant, which mixes both nonces into the secret', () => {
    const [challenge] = parseChallenges('Digest realm="r", nonce="n", algorithm=SHA-256-sess, qop="auth"')
    const answer = answerDigest(challenge!, login, { method: 'PLAY', uri: '*', count: 11, clientNonce: 'c' })
    const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
    const secret = sha(`${sha('Mufasa:r:Circle of Life')}:n:c`)
    expect(answer).toContain(`response="${sha(`${secret}:n:0000000b:c:auth:${sha('PLAY:*')}`)}"`)
  })
})

describe('parseChallenges', () => {
  it('takes several challenges from one header, quoted commas and quotes included', () => {
    const header = 'Basic realm="a, b", Digest realm="say \\"x\\"", nonce=abc ,stale = TRUE,algorithm=MD5, Bearer'
    expect(parseChallenges(header)).toEqual([
      { scheme: 'basic', parameters: new Map([['realm', 'a, b']]) },
      {
        scheme: 'digest',
        parameters: new Map(Object.entries({ realm: 'say "x"', nonce: 'abc', stale: 'TRUE', algorithm: 'MD5' }))
      },
      { scheme: 'bearer', parameters: new Map() }
    ])
  })

  it('ends whatever a header holds', () => {
    fc.assert(fc.property(fc.string(), (header) => void parseChallenges(header)))
    fc.assert(fc.property(fc.stringMatching(/^[Digest ,="\\a]{0,40}$/), (header) => void parseChallenges(header)))
  })
})

describe('CameraLogin', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((value) => !/\p{Cc}/u.test(value))

  it('is let in with the right login by each scheme of the project’s own server, and with no other', () => {
    const schemes = fc.constantFrom('basic' as const, 'digest' as const, 'digest-sha-256' as const)
    fc.assert(
      fc.property(schemes, text, text, text, (scheme, user, password, other) => {
        fc.pre(!user.includes(':') && other !== password)
        const camera = createAuthenticator({ user, password, scheme })
        const comes = (given: string): boolean => {
          const authenticator = new CameraLogin({ user, password: given })
          expect(authenticator.challenged([camera.challenge()], 0)).toBeUndefined()
          return camera.accepts('PLAY', authenticator.authorization('PLAY', 'rtsp://192.0.2.1/a'))
        }
        expect(comes(password)).toBe(true)
        expect(comes(other)).toBe(false)
      })
    )
  })

  it('answers a stale nonce with the new one, and gives up after a refusal or a third stale one', () => {
    const stale = ['Digest realm="r", nonce="n", stale=true']
    const plain = ['Digest realm="r", nonce="n"']
    const authenticator = new CameraLogin(login)
    expect(authenticator.authorization('PLAY', '*')).toBeUndefined()
    expect(authenticator.challenged(plain, 0)).toBeUndefined()
    expect(authenticator.challenged(stale, 1)).toBeUndefined()
    expect(authenticator.challenged(plain, 2)?.code).toBe('PL-CAMERA-LOGIN')
    expect(authenticator.challenged(stale, 3)?.code).toBe('PL-CAMERA-LOGIN')
  })

  it('counts the uses of a nonce', () => {
    const authenticator = new CameraLogin(login)
    authenticator.challenged(['Digest realm="r", nonce="n", qop="auth"'], 0)
    const counts = [1, 2].map(() => /nc=(\w+)/.exec(authenticator.authorization('PLAY', '*')!)?.[1])
    expect(counts).toEqual(['00000001', '00000002'])
  })

  it('prefers SHA-256 to MD5, and a digest to the password itself', () => {
    const offered = [
      'Basic realm="r"',
      'Digest realm="r", nonce="a", algorithm=MD5',
      'Digest realm="r", nonce="b", algorithm=SHA-256'
    ]
    const chosen = (headers: string[]): string | undefined => {
      const authenticator = new CameraLogin(login)
      authenticator.challenged(headers, 0)
      return authenticator.authorization('PLAY', '*')
    }
    expect(chosen(offered)).toContain('algorithm=SHA-256')
    expect(chosen(offered.slice(0, 2))).toContain('algorithm=MD5')
    expect(chosen(offered.slice(0, 1))).toMatch(/^Basic /)
  })

  it('says what is missing: a login in the url, or a kind of login that is known here', () => {
    const odd = ['Negotiate', 'Digest realm="r", nonce="n", algorithm=SHA-3']
    expect(new CameraLogin(login).challenged(odd, 0)).toMatchObject({
      code: 'PL-CAMERA-LOGIN-KIND',
      what: expect.stringContaining('(negotiate, digest SHA-3)')
    })
    expect(new CameraLogin(undefined).challenged(['Basic realm="r"'], 0)?.what).toMatch(/wants a user name/)
  })
})
