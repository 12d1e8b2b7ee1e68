import tab from '@bomb.sh/tab/commander';
import { print, versionIn } from '@lanyard/command-line';
import { Command } from 'commander';
import { addApply } from './commands/apply.ts';
import { addAudit } from './commands/audit.ts';
import { addClients } from './commands/clients.ts';
import { addDoctor } from './commands/doctor.ts';
import { addKeys } from './commands/keys.ts';
import { addResources } from './commands/resources.ts';
import { addSecrets } from './commands/secrets.ts';
import { addToken } from './commands/token.ts';
import { connect } from './server.ts';

/** `lanyard`: administers an authorization server, as a client of its administration API like any other. */
export function createProgram(environment: NodeJS.ProcessEnv): Command {
  const server = connect(environment);
  const program = new Command('lanyard')
    .description('Administer a Lanyard authorization server: clients, secrets, keys, audit log.')
    .version(versionIn(new URL('../package.json', import.meta.url)))
    .addHelpText('after', help);
  addClients(program, server);
  addSecrets(program, server);
  addResources(program, server);
  addApply(program, server, environment);
  addKeys(program, server);
  addToken(program, server);
  addAudit(program, server);
  addDoctor(program, server);
  program
    .command('bootstrap')
    .description('let the first administrator in: exchange the one-time secret for a lasting one')
    .action(async () => print(`the secret of ${server.clientId} is in ${await server.bootstrap()}`));
  tab(program);
  return program;
}

const help = `
Examples, with \`lanyard\` for \`npx lanyard\`, or for \`docker compose run --rm lanyard\`:
  lanyard clients create billing --scope 'jobs:read' --secret-file ./secrets/billing/client_secret
  lanyard secrets rotate billing --overlap 24h --secret-file ./secrets/billing/client_secret
  lanyard apply config/lanyard.yaml --dry-run
  lanyard audit tail --follow
  lanyard doctor
  source <(lanyard complete bash)       completion; also for zsh, fish and powershell

Environment, which the container of \`docker compose\` has already:
  SECRETS_DIRECTORY    .lanyard/secrets by default, with <client_id>/client_secret and the deployment's addresses
  ISSUER               the authorization server; default: the one that the secrets belong to
  CLIENT_ID            administrator by default: who you are
  CLIENT_SECRET_FILE   your secret, if it is elsewhere
  ISSUER_ADDRESS       where the issuer is reached, if not under its own name
  ALLOW_INSECURE_REQUESTS  true: plain http to other hosts, in a closed network only
The first time, a one-time secret beside yours is exchanged for a lasting one by itself.
`;
