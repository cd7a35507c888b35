// Verifies tokens as Backstage's backends do (UserTokenHandler of @backstage/backend-defaults): reads {"jwks", "tokens"} from stdin and
// prints, for each token, whose it is, or the code of the error.
import { base64url, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';

const USER = 'vnd.backstage.user';
const LIMITED_USER = 'vnd.backstage.limited-user';

async function verified(token, keys) {
  const { typ } = decodeProtectedHeader(token);
  const options = [USER, LIMITED_USER].includes(typ) ? { requiredClaims: ['iat', 'exp', 'sub'], typ } : { audience: 'backstage' };
  return (await jwtVerify(token, keys, options)).payload;
}

function limited(token) {
  const header = decodeProtectedHeader(token);
  const { sub, iat, exp, uip } = decodeJwt(token);
  const parts = [{ typ: LIMITED_USER, alg: header.alg, kid: header.kid }, { sub, iat, exp }];
  return [...parts.map((part) => base64url.encode(JSON.stringify(part))), uip].join('.');
}

async function told(token, keys) {
  try {
    const { sub, ent, aud, iss } = await verified(token, keys);
    return { sub, ent, aud, iss, cookie: (await verified(limited(token), keys)).sub };
  } catch (error) {
    return { error: error.code };
  }
}

let input = '';
for await (const chunk of process.stdin) input += chunk;
const { jwks, tokens } = JSON.parse(input);
const keys = createRemoteJWKSet(new URL(jwks));
const answers = [];
for (const token of tokens) answers.push(await told(token, keys));
console.log(JSON.stringify(answers));
