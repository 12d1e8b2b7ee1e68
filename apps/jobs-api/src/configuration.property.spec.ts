import { secretiveBetween, testConfiguration } from '@lanyard/service-defaults/configuration.fixture';
import fc from 'fast-check';
import { jobsApiConfiguration, migrationConfiguration } from './configuration.ts';

const sound = {
  DATABASE_URL: 'postgres://u:p@h/n',
  MIGRATION_DATABASE_URL: 'postgres://u:p@h/n',
  CLIENT_SECRET_FILE: '/run/secret',
};

const secretive = secretiveBetween(
  ['http://a.example:', 'https://a.example/', 'https://', 'postgres://u:', '1', '::1,', 'info'],
  ['@h/n', '/'],
);
const right = fc.constantFrom('', ' ', '1', '80', '600', 'true', 'info', 'https://a.example', 'accept');

for (const [name, schema] of Object.entries({ jobsApiConfiguration, migrationConfiguration })) {
  testConfiguration(`the configuration of the jobs API: ${name}`, {
    schema,
    sound,
    secretive,
    right,
    pieces: [' ', ',', '/', ':', '1', '1.', 'https://', 'postgres://', '@', '%41', '-', '\n'],
  });
}
