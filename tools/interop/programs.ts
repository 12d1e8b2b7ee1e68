/** A program in `examples/interop` that uses a third-party library, and what it must print. */
export interface Program {
  /** the library */
  name: string;
  language: Language;
  /** the command, run in the folder of the language */
  command: readonly string[];
  /**
   * `client`: calls the jobs API with a token, and prints the status;
   * `agent`: calls a tool of the MCP server, and prints its answer;
   * `validator`: prints which tokens it accepts;
   * `conformance`: exits with 0.
   */
  kind: 'client' | 'agent' | 'validator' | 'conformance';
  /** the type of the tokens, for a validator that refuses `at+jwt` by default */
  typ?: 'JWT';
  /** whether the validator must refuse all tokens */
  refuses?: true;
}

export const languages = ['javascript', 'python', 'go', 'java', 'rust'] as const;
export type Language = (typeof languages)[number];

type Command = (...args: string[]) => readonly string[];
const node: Command = (file = '') => ['node', `${file}.mjs`];
const python: Command = (file = '') => ['.venv/bin/python', `${file}.py`];
const go: Command = (folder = '') => ['go', 'run', `./${folder}`];
const cargo: Command = (binary = '') => ['cargo', 'run', '--quiet', '--bin', binary];
const spring: Command = (main = '', ...options) => [
  'mvn',
  '--quiet',
  '--batch-mode',
  'spring-boot:run',
  `-Dspring-boot.run.main-class=${main}`,
  `-Dspring-boot.run.arguments=${options.join(' ')}`,
];

const conformance = 'npx conformance client --scenario auth/client-credentials-basic --command';

export const programs: readonly Program[] = [
  { name: 'openid-client', language: 'javascript', command: node('client-openid-client'), kind: 'client' },
  { name: 'simple-oauth2', language: 'javascript', command: node('client-simple-oauth2'), kind: 'client' },
  { name: 'MCP SDK 2.x, examples/mcp', language: 'javascript', command: node('../../mcp/agent'), kind: 'agent' },
  { name: 'MCP SDK 1.x', language: 'javascript', command: node('client-mcp-sdk-1'), kind: 'agent' },
  { name: 'MCP SDK 2.x', language: 'javascript', command: node('client-mcp-sdk-2'), kind: 'agent' },
  {
    name: 'MCP SDK 2.x, token-client',
    language: 'javascript',
    command: node('client-mcp-token-client'),
    kind: 'agent',
  },
  {
    name: 'MCP conformance, token-client',
    language: 'javascript',
    command: [...conformance.split(' '), 'node mcp-conformance-client.mjs'],
    kind: 'conformance',
  },
  { name: 'jose', language: 'javascript', command: node('validator-jose'), kind: 'validator' },
  {
    name: 'express-oauth2-jwt-bearer (Express)',
    language: 'javascript',
    command: node('validator-express-oauth2-jwt-bearer'),
    kind: 'validator',
  },
  {
    name: '@fastify/jwt, get-jwks (Fastify)',
    language: 'javascript',
    command: node('validator-fastify-jwt'),
    kind: 'validator',
  },
  {
    name: 'jsonwebtoken, jwks-rsa',
    language: 'javascript',
    command: node('validator-jsonwebtoken'),
    kind: 'validator',
  },
  { name: 'Authlib (client)', language: 'python', command: python('client_authlib'), kind: 'client' },
  { name: 'requests-oauthlib', language: 'python', command: python('client_requests_oauthlib'), kind: 'client' },
  { name: 'MCP SDK', language: 'python', command: python('client_mcp_sdk'), kind: 'agent' },
  { name: 'PyJWT', language: 'python', command: python('validator_pyjwt'), kind: 'validator' },
  { name: 'Authlib (RFC 9068)', language: 'python', command: python('validator_authlib'), kind: 'validator' },
  { name: 'x/oauth2', language: 'go', command: go('client-oauth2'), kind: 'client' },
  { name: 'go-oidc', language: 'go', command: go('validator-go-oidc'), kind: 'validator' },
  { name: 'keyfunc, golang-jwt', language: 'go', command: go('validator-keyfunc'), kind: 'validator' },
  { name: 'auth0/go-jwt-middleware', language: 'go', command: go('validator-jwt-middleware'), kind: 'validator' },
  { name: 'hashicorp/cap', language: 'go', command: go('validator-cap'), kind: 'validator' },
  { name: 'lestrrat-go/jwx', language: 'go', command: go('validator-jwx'), kind: 'validator' },
  {
    name: 'Spring Boot (client)',
    language: 'java',
    command: spring('client.Client', '--spring.config.name=client'),
    kind: 'client',
  },
  {
    name: 'Spring Boot (resource server, typ JWT)',
    language: 'java',
    command: spring('server.ResourceServer', '--spring.config.name=server'),
    kind: 'validator',
    typ: 'JWT',
  },
  {
    name: 'Spring Boot (resource server, refuses at+jwt)',
    language: 'java',
    command: spring('server.ResourceServer', '--spring.config.name=server'),
    kind: 'validator',
    refuses: true,
  },
  {
    name: 'Spring Boot (resource server, typ at+jwt)',
    language: 'java',
    command: spring('server.ResourceServer', '--spring.config.name=server', '--types=at+jwt'),
    kind: 'validator',
  },
  { name: 'oauth2', language: 'rust', command: cargo('client'), kind: 'client' },
  { name: 'jsonwebtoken', language: 'rust', command: cargo('validator'), kind: 'validator' },
];

/** What makes the programs of a language ready to run, in its folder; without the first word, they cannot run. */
export const preparations: Record<Language, readonly (readonly string[])[]> = {
  javascript: [['npm', 'ci', '--no-fund', '--no-audit', '--loglevel=error']],
  python: [
    ['python3', '-m', 'venv', '.venv'],
    ['.venv/bin/pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'],
  ],
  go: [['go', 'build', '-o', '/dev/null', './...']],
  java: [['mvn', '--quiet', '--batch-mode', 'compile']],
  rust: [['cargo', 'build', '--quiet', '--locked']],
};
