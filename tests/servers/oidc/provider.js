// A provider of OpenID Connect on a free port of loopback, for tests: oidc-provider as it is, with a wrapper that breaks ID tokens when told to.
//
// Arguments: client id, client secret, and the redirect addresses. It writes its address to stdout once it listens.
// POST /control/<mode> sets how ID tokens are broken from then on (`sound` for not at all), and POST /control/rotate replaces the keys.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { CompactSign, SignJWT, decodeJwt, importJWK } from 'jose';
import Provider from 'oidc-provider';

const [clientId, clientSecret, ...redirectUris] = process.argv.slice(2);
let key = newKey();
let mode = 'sound';
let serve;

function newKey() {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return { ...jwk, kid: randomUUID(), alg: 'RS256', use: 'sig' };
}

async function signed(claims, changed, jwk = key) {
  return new SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg: 'RS256', kid: jwk.kid }).sign(await importJWK(jwk, 'RS256'));
}

const plain = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const BROKEN = {
  audience: (claims) => signed(claims, { aud: 'another-client' }),
  audiences: (claims) => signed(claims, { aud: [clientId, 'another-client'], azp: 'another-client' }),
  issuer: (claims) => signed(claims, { iss: 'https://another.example.com' }),
  expired: (claims) => signed(claims, { exp: Math.floor(Date.now() / 1000) - 3600 }),
  nonce: (claims) => signed(claims, { nonce: 'of-another-sign-in' }),
  'foreign-key': (claims) => signed(claims, {}, { ...newKey(), kid: key.kid }),
  none: async (claims) => `${plain({ alg: 'none' })}.${plain(claims)}.`,
  hs256: (claims) =>
    new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'HS256', kid: key.kid })
      .sign(Buffer.from(key.n)),
  unsigned: async (claims, token) => `${token.split('.').slice(0, 2).join('.')}.`,
  missing: async () => undefined,
};

function provider(issuer) {
  const made = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: redirectUris }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
    cookies: { keys: ['a key of tests alone'] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@example.com`,
        email_verified: !id.startsWith('unverified'),
        name: `Somebody called ${id}`,
        preferred_username: id,
      }),
    }),
    jwks: { keys: [key] },
    pkce: { required: () => true },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
  made.use(async (context, next) => {
    await next();
    if (context.path === '/token' && context.body?.id_token && mode !== 'sound') {
      const token = context.body.id_token;
      context.body = { ...context.body, id_token: await BROKEN[mode](decodeJwt(token), token) };
    }
  });
  return made.callback();
}

const server = createServer((request, response) => {
  const control = /^\/control\/([a-z0-9-]+)$/.exec(request.url);
  if (!control || request.method !== 'POST') return serve(request, response);
  if (control[1] === 'rotate') {
    key = newKey();
    serve = provider(address());
  } else if (control[1] === 'sound' || BROKEN[control[1]]) {
    mode = control[1];
  } else {
    response.statusCode = 404;
  }
  return response.end();
});

const address = () => `http://127.0.0.1:${server.address().port}`;

server.listen(0, '127.0.0.1', () => {
  serve = provider(address());
  process.stdout.write(`${address()}\n`);
});
