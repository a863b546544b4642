// A real OpenID Connect provider for the tests: oidc-provider, with its own pages to sign in.
// Whoever signs in with any password is whom they say; `ana` is a member of dba and platform-admins, all others of dev.
// Usage: node oidc_provider.mjs PACKAGES PORT REDIRECT_URI...
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [packages, port, ...redirects] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const groups = { ana: ['dba', 'platform-admins'] };

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    { client_id: 'holdpoint', client_secret: 'the-secret-of-holdpoint', redirect_uris: redirects },
    {
      client_id: 'holdpoint-cli',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
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
  scopes: ['openid', 'email', 'groups'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: groups[id] ?? ['dev'] }),
  }),
  features: {
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
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
  cookies: { keys: ['a key for tests only'] },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
