import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { freePort } from '@lanyard/embedded-postgres';
import { recordOutput, recordSecrets } from './record.ts';
import { execCompose, type IDockerComposeResult } from 'docker-compose';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const execute = promisify(execFile);

interface Ports {
  AUTH_SERVER_PORT: string;
  BATCH_PROCESSOR_PORT: string;
  JOBS_API_PORT: string;
}

/** Runs docker-compose.yml beside other projects, with its own name, ports and volumes. */
export class ComposeProject {
  readonly name: string;
  readonly ports: Ports;
  /** settings in addition to the ports */
  settings: Record<string, string> = {};
  files: string[] = ['docker-compose.yml'];

  private constructor(name: string, ports: Ports) {
    this.name = name;
    this.ports = ports;
  }

  static async create(): Promise<ComposeProject> {
    await docker('compose', 'version').catch((cause: unknown) => {
      throw new Error('the tests of the containers need Docker with Compose: check docker compose version', { cause });
    });
    const [authServer, batchProcessor, jobsApi] = [await freePort(), await freePort(), await freePort()];
    return new ComposeProject(`lanyard-e2e-${randomBytes(4).toString('hex')}`, {
      AUTH_SERVER_PORT: String(authServer),
      BATCH_PROCESSOR_PORT: String(batchProcessor),
      JOBS_API_PORT: String(jobsApi),
    });
  }

  /** The project that a user runs, with their `.env`. */
  static async running(name: string): Promise<ComposeProject> {
    const published = async (port: string) => {
      const address = await docker('compose', '-p', name, 'port', 'gateway', port);
      return address.trim().split(':').at(-1) ?? port;
    };
    const project = new ComposeProject(name, {
      AUTH_SERVER_PORT: await published('3000'),
      BATCH_PROCESSOR_PORT: await published('3001'),
      JOBS_API_PORT: await published('3002'),
    });
    project.settings.COMPOSE_DISABLE_ENV_FILE = 'false';
    return project;
  }

  /** A project that another process created. */
  static from(serialized: string): ComposeProject {
    const { name, ports } = JSON.parse(serialized) as { name: string; ports: Ports };
    return new ComposeProject(name, ports);
  }
  get serialized(): string {
    return JSON.stringify({ name: this.name, ports: this.ports });
  }

  get urls() {
    return {
      ISSUER: `http://localhost:${this.ports.AUTH_SERVER_PORT}`,
      BATCH_PROCESSOR: `http://localhost:${this.ports.BATCH_PROCESSOR_PORT}`,
      JOBS_API: `http://localhost:${this.ports.JOBS_API_PORT}`,
    };
  }

  /** The environment of a command line; ignores the `.env` of the user who runs the tests. */
  get environment(): NodeJS.ProcessEnv {
    const { PATH, HOME, DOCKER_HOST, DOCKER_CONFIG } = process.env;
    return {
      PATH,
      HOME,
      DOCKER_HOST,
      DOCKER_CONFIG,
      COMPOSE_PROJECT_NAME: this.name,
      COMPOSE_DISABLE_ENV_FILE: 'true',
      LOG_LEVEL: 'trace',
      LOG_FORMAT: 'json',
      ...this.ports,
      ...this.settings,
    };
  }

  /** Runs `docker compose COMMAND ARGUMENTS`; returns its standard output. */
  async compose(command: string, ...args: string[]): Promise<string> {
    try {
      const { out } = await execCompose(command, args, {
        cwd: repository,
        env: this.environment,
        config: this.files,
      });
      return out;
    } catch (error) {
      const { err = String(error) } = error as Partial<IDockerComposeResult>;
      throw new Error(`docker compose ${command} ${args.join(' ')} failed:\n${err.slice(-4000)}`, { cause: error });
    }
  }

  up(...args: string[]): Promise<string> {
    return this.compose('up', '--wait', '--wait-timeout', '300', ...args);
  }

  /** The logs of all containers so far: by default, `logs` leaves out those that `up` does not attach to. */
  async logs(...options: string[]): Promise<string> {
    const services = (await this.compose('config', '--services')).trim().split('\n');
    return stripVTControlCharacters(await this.compose('logs', '--no-color', ...options, ...services));
  }

  /** Records the logs of the containers so far, before they are removed. */
  async record(): Promise<void> {
    if ((await this.containers()).length === 0) return;
    recordOutput('compose', await this.logs());
    recordSecrets(Object.values(await this.secrets()));
  }

  /** Removes the containers, the volumes and the networks. */
  async remove(): Promise<void> {
    try {
      await this.record();
    } finally {
      await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '5');
    }
  }

  /** The output of `docker inspect` for the containers of these services, or of all if none is named. */
  async containers(...services: string[]): Promise<Container[]> {
    const ids = (await this.compose('ps', '--all', '--quiet', ...services)).split('\n').filter(Boolean);
    return ids.length === 0 ? [] : (JSON.parse(await docker('inspect', ...ids)) as Container[]);
  }

  async container(service: string): Promise<Container> {
    const [container] = await this.containers(service);
    if (!container) throw new Error(`${service} has no container`);
    return container;
  }

  /** Runs a command in a container of a service. */
  async exec(service: string, ...command: string[]): Promise<string> {
    return this.compose('exec', '-T', service, ...command);
  }

  /** Reads the management listener of a service, which has no published port. */
  async inspect(
    service: string,
    path: string,
  ): Promise<{ status: number; headers: Record<string, string>; text: string }> {
    const script = `fetch('http://127.0.0.1:' + process.env.MANAGEMENT_PORT + '${path}').then(async (response) => console.log(
      JSON.stringify({ status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() })))`;
    return JSON.parse(await this.exec(service, 'node', '-e', script)) as Awaited<ReturnType<ComposeProject['inspect']>>;
  }

  async query(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const rows = sql.startsWith('SELECT') ? `SELECT coalesce(json_agg(row), '[]') FROM (${sql}) AS row` : sql;
    const out = await this.exec('postgres', 'psql', '-U', 'postgres', '-d', database, '-qAt', '-c', rows);
    return out.trim() === '' ? [] : (JSON.parse(out) as Record<string, unknown>[]);
  }

  /**
   * Copies the secrets of the containers into a folder with the layout that `npm start` has, for tests and attacks.
   */
  async copySecrets(directory: string): Promise<void> {
    for (const [path, content] of Object.entries(await this.secrets())) {
      const file = path
        .replace('clients/', 'secrets/')
        .replace('credentials/auth-migration/key_encryption_key', 'key-encryption-key');
      await mkdir(join(directory, dirname(file)), { recursive: true });
      await writeFile(join(directory, file), content, { mode: 0o600 });
    }
  }

  /** All credentials, by file. */
  async secrets(): Promise<Record<string, string>> {
    const script = `const fs = require('fs'); console.log(JSON.stringify(Object.fromEntries(
      fs.globSync('/all/**/*').filter((f) => fs.statSync(f).isFile() && !f.endsWith('.json')).map((f) => [f.slice(5), fs.readFileSync(f, 'utf8')]))))`;
    const volumes = [`${this.name}_credentials:/all/credentials`, `${this.name}_client-secrets:/all/clients`];
    const mounts = volumes.flatMap((volume) => ['--volume', volume]);
    const node = ['--entrypoint', 'node', 'lanyard-auth-server', '-e', script];
    return JSON.parse(await docker('run', '--rm', '--user', 'root', ...mounts, ...node)) as Record<string, string>;
  }
}

export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await execute('docker', args, { maxBuffer: 64 * 1024 ** 2 });
  return stdout;
}

/** The fields of `docker inspect` that the tests use. */
export interface Container {
  Id: string;
  Name: string;
  Image: string;
  Config: { User: string; Labels: Record<string, string>; Env: string[] };
  State: { Status: string; ExitCode: number; StartedAt: string; Health?: { Status: string } };
  HostConfig: {
    ReadonlyRootfs: boolean;
    CapDrop: string[] | null;
    CapAdd: string[] | null;
    SecurityOpt: string[] | null;
    Privileged: boolean;
    Memory: number;
    NanoCpus: number;
    PidsLimit: number;
    LogConfig: { Type: string; Config: Record<string, string> };
    RestartPolicy: { Name: string };
    PortBindings: Record<string, { HostIp: string; HostPort: string }[]> | null;
  };
  NetworkSettings: { Networks: Record<string, unknown> };
}
