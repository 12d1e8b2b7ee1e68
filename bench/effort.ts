/** How long and how often to measure. */
export interface Effort {
  rounds: number;
  /** of a round */
  seconds: number;
  warmUp: number;
  concurrencies: number[];
  halfLoad?: { rounds: number; seconds: number };
  storm?: { rounds: number; seconds: number };
  /** how many clients are registered, to compare few with many */
  registered: [few: number, ...more: number[]];
  /** how many different clients call in turn */
  callers: number[];
  restSeconds: number;
}

export const thorough: Effort = {
  rounds: 15,
  seconds: 1,
  warmUp: 8,
  concurrencies: [32, 8, 128],
  halfLoad: { rounds: 11, seconds: 1 },
  storm: { rounds: 21, seconds: 3 },
  registered: [10, 1000, 100_000],
  callers: [1, 64, 1000],
  restSeconds: 20,
};

/** Shows in less than a minute whether something is badly wrong; its figures are rough. */
export const quick: Effort = {
  rounds: 3,
  seconds: 1,
  warmUp: 1,
  concurrencies: [32],
  registered: [10],
  callers: [],
  restSeconds: 1,
};
