// An OpenID Connect provider (oidc-provider, certified) whose users sign in without a password.
// Usage: server.mjs PORT, with the configuration as JSON on stdin: {clients: [...], users: {sub: claims}}.
import { text } from 'node:stream/consumers';

const { Provider } = await import(process.env.OIDC_PROVIDER);
const port = Number(process.argv[2]);
const { clients, users } = JSON.parse(await text(process.stdin));
const scope = 'openid email profile';

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'roles', 'groups'] },
  scopes: scope.split(' '),
  cookies: { keys: ['not a secret'] },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // A test chooses the user with login_hint.
  interactions: { url: (ctx, interaction) => `/sign-in/${interaction.uid}` },
  // Its own agent refuses addresses such as loopback.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  pkce: { required: (ctx, client) => client.clientAuthMethod === 'none' },
  findAccount: (ctx, sub) => users[sub] && { accountId: sub, claims: () => ({ sub, ...users[sub] }) },
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(scope);
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/sign-in/')) return next();
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: params.login_hint } });
});

provider.on('backchannel.error', (ctx, error) => console.error('back-channel logout failed:', error.cause ?? error));
provider.on('server_error', (ctx, error) => console.error(error));
provider.listen(port, '127.0.0.1');
