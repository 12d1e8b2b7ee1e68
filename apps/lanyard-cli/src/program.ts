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

/** `lanyard`: administers an authorization server, as an ordinary client of its administration API. */
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
    .description('set up the first administrator: exchange the one-time secret for a permanent one')
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

Environment, already set in the container of \`docker compose\`:
  SECRETS_DIRECTORY    .lanyard/secrets by default, with <client_id>/client_secret and the deployment's addresses
  ISSUER               the authorization server; default: the one of the deployment that these secrets belong to
  CLIENT_ID            your client identifier; administrator by default
  CLIENT_SECRET_FILE   the file with your secret, if it is elsewhere
  ISSUER_ADDRESS       the address of the issuer, if it differs from its name
  ALLOW_INSECURE_REQUESTS  true: plain http to other hosts, only in a closed network
The first command exchanges a one-time secret in the folder of your secret for a permanent one.
`;
