import { assert } from '../not-stopped.ts';

/** The memory of a service during a run, from its metrics, in MB: a value for each part of the run. */
export class Memory {
  readonly url: string;
  /** the resident memory of the process at the end of a part */
  readonly resident: number[] = [];
  /**
   * The minimum memory in use after a full garbage collection in a part, buffers included; Infinity if there was none.
   * A process allocates far more before it collects, and returns memory rarely: by `resident` alone, every process
   * seems to grow.
   */
  readonly kept: number[] = [Infinity];
  private collections?: number;

  private readonly metrics: () => Promise<{ text: string }>;

  constructor(url: string, metrics: () => Promise<{ text: string }>) {
    this.url = url;
    this.metrics = metrics;
  }

  async sample(): Promise<void> {
    const metrics = await this.read();
    const collections = metrics('nodejs_gc_duration_seconds_count', 'kind="major"', 0);
    if (this.collections !== undefined && collections > this.collections) {
      const spaces = ['old', 'large_object'].map((space) =>
        metrics('nodejs_heap_space_size_used_bytes', `space="${space}"`),
      );
      const left = [...spaces, metrics('nodejs_external_memory_bytes')].reduce((sum, bytes) => sum + bytes) / 1e6;
      this.kept.push(Math.min(this.kept.pop()!, left));
    }
    this.collections = collections;
  }

  async endPart(): Promise<void> {
    this.resident.push((await this.read())('process_resident_memory_bytes') / 1e6);
    this.kept.push(Infinity);
  }

  /**
   * Whether the last three of ten parts needed more than the four before; the first three warm up. Undefined if no
   * garbage collection was observed.
   */
  get grows(): boolean | undefined {
    const { resident, kept } = this;
    if (resident.at(-1)! > 1.5 * Math.max(...resident.slice(3, 7))) return true;
    const before = Math.min(...kept.slice(3, 7));
    const left = Math.min(...kept.slice(7));
    return before < Infinity && left < Infinity ? left > 1.1 * before : undefined;
  }

  toString(): string {
    const list = (values: number[]) => values.map((value) => (value < Infinity ? Math.round(value) : '–')).join(', ');
    return `${list(this.resident)} MB, of which in use ${list(this.kept.slice(0, this.resident.length))} MB`;
  }

  /** The start time of the process, which changes if it restarts. */
  async processStart(): Promise<number> {
    return (await this.read())('process_start_time_seconds');
  }

  private async read(): Promise<(name: string, label?: string, absent?: number) => number> {
    const { text } = await this.metrics();
    return (name, label = '', absent?) => {
      const value = new RegExp(String.raw`^${name}(?:\{[^}]*${label}[^}]*\})? (\S+)$`, 'm').exec(text)?.[1] ?? absent;
      assert(value !== undefined, `${this.url} does not report ${name}`);
      return Number(value);
    };
  }
}
