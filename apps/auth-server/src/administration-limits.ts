/** How many requests of a kind a replica handles at a time: of one administrator, and of all. */
export const limits = {
  /** takes access away; no limit for all together: one administrator could create others and use it up */
  emergency: { perAdministrator: 5, ofAll: Infinity },
  /** reads a few rows by their key, as an emergency does first */
  look_up: { perAdministrator: 5, ofAll: Infinity },
  /** reads or writes very much at once */
  bulk: { perAdministrator: 1, ofAll: 2 },
  write: { perAdministrator: 3, ofAll: 5 },
  read: { perAdministrator: 3, ofAll: 5 },
} as const;
export type AdministrationKind = keyof typeof limits;

/** As metrics and logs name it. */
export type AdministrationLimit = `administration_${AdministrationKind}`;
