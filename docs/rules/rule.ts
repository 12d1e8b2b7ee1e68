/** A rule that the project follows, and the files that implement it. Tests name it in their titles. */
export interface Rule {
  /** tests name it together with its section, at the end of a title: `[post-only, RFC 6749 §3.2]` */
  readonly name: string;
  /** `RFC 6749 §3.2`; `Lanyard` if no specification contains the rule */
  readonly section: string;
  /** one sentence */
  readonly text: string;
  /** the source files that implement it, relative to the root of the repository */
  readonly files: readonly string[];
  /** the page below `docs/decisions` that explains why no test proves it, or the part that a test cannot prove */
  readonly decision?: string;
}
