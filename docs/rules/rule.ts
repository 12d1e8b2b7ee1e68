/** Something that the project keeps to, and shows that it does. */
export interface Rule {
  /** what tests name it by, besides its section: `[post-only, RFC 6749 §3.2]` at the end of a title */
  readonly name: string;
  /** `RFC 6749 §3.2`; `Lanyard` where it is in no specification */
  readonly section: string;
  /** one sentence */
  readonly text: string;
  /** the sources that keep it, from the root of the repository */
  readonly files: readonly string[];
  /** the page below `docs/decisions` that says why no test shows it, or what a test cannot */
  readonly decision?: string;
}
