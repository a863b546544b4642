// A real OpenID Connect provider for the tests: oidc-provider, with its own pages to sign in.
// Whoever signs in with any password is whom they say; `ana` is a member of dba and platform-admins, all others of dev.
// Usage: node oidc_provider.mjs PACKAGES PORT REDIRECT_URI... [--tls CERTIFICATE KEY]
import { readFileSync } from 'node:fs';
import { createServer as plain } from 'node:http';
import { createServer as secure } from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const words = process.argv.slice(2);
const tls = words.indexOf('--tls');
const [certificate, key] = tls < 0 ? [] : words.splice(tls).slice(1);
const [packages, port, ...redirects] = words;
const require = createRequire(`${packages}/package.json`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const groups = { ana: ['dba', 'platform-admins'] };

const provider = new Provider(`${certificate ? 'https' : 'http'}://localhost:${port}`, {
  clients: [
    { client_id: 'holdpoint', client_secret: 'the-secret-of-holdpoint', redirect_uris: redirects },
    {
      client_id: 'holdpoint-cli',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'deploy-bot',
      client_secret: 'the-secret-of-the-bot',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  scopes: ['openid', 'email', 'groups', 'offline_access'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: groups[id] ?? ['dev'] }),
  }),
  features: {
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_, resource) => ({
        scope: '',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
      }),
    },
  },
  // What `holdpoint login` gets ends so soon that each command renews it.
  ttl: { IdToken: (_, __, client) => (client.clientId === 'holdpoint-cli' ? 30 : 3600) },
  cookies: { keys: ['a key for tests only'] },
});

const server = certificate
  ? secure({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback())
  : plain(provider.callback());
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
