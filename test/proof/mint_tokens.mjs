// Tokens as Node's crypto makes them, with keys made for them: one JSON object a line.
//
//   {"name": ..., "algorithm": "RS256", "jwks": {...} or "secret": "...", "token": "..."}
import {constants, createHmac, generateKeyPairSync, randomBytes, sign} from 'node:crypto';

const claims = {
  iss: 'https://portal.example',
  aud: ['bascule', 'mail'],
  sub: 'ada',
  exp: Math.floor(Date.now() / 1000) + 3600,
  realm_access: {roles: ['staff', 'ops']},
};

const part = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');

function token(header, signed) {
  const text = `${part({typ: 'JWT', ...header})}.${part(claims)}`;
  return `${text}.${signed(Buffer.from(text)).toString('base64url')}`;
}

const rsa = generateKeyPairSync('rsa', {modulusLength: 2048});
const pss = {padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST};
const ec = (namedCurve) => generateKeyPairSync('ec', {namedCurve});
const pairs = [
  ['RS256', rsa, 'sha256', {}],
  ['PS256', rsa, 'sha256', pss],
  ['ES256', ec('P-256'), 'sha256', {dsaEncoding: 'ieee-p1363'}],
  ['ES384', ec('P-384'), 'sha384', {dsaEncoding: 'ieee-p1363'}],
  ['EdDSA', generateKeyPairSync('ed25519'), null, {}],
];
for (const [algorithm, {publicKey, privateKey}, digest, settings] of pairs) {
  const kid = `node ${algorithm}`;
  console.log(JSON.stringify({
    name: kid,
    algorithm,
    jwks: {keys: [{...publicKey.export({format: 'jwk'}), kid, use: 'sig', alg: algorithm}]},
    token: token({alg: algorithm, kid}, (text) => sign(digest, text, {key: privateKey, ...settings})),
  }));
}

const secret = randomBytes(32).toString('hex');
console.log(JSON.stringify({
  name: 'node HS256',
  algorithm: 'HS256',
  secret,
  token: token({alg: 'HS256'}, (text) => createHmac('sha256', secret).update(text).digest()),
}));
