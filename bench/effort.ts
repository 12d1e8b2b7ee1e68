/** How long is measured. */
export interface Effort {
  rounds: number;
  /** of a round */
  seconds: number;
  warmUp: number;
  concurrencies: number[];
  halfLoad?: { rounds: number; seconds: number };
  storm?: { rounds: number; seconds: number };
  /** how many clients are registered where few are compared with many */
  registered: [few: number, ...more: number[]];
  /** of how many clients calls are made in turn */
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

/** Says in less than a minute whether something is badly wrong; its figures are rough. */
export const quick: Effort = {
  rounds: 3,
  seconds: 1,
  warmUp: 1,
  concurrencies: [32],
  registered: [10],
  callers: [],
  restSeconds: 1,
};
