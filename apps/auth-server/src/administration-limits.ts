/** How many requests of a kind a replica handles at a time: for one administrator, and in total. */
export const limits = {
  /** takes access away; no total limit: one administrator could use it up, through others that they create */
  emergency: { perAdministrator: 5, ofAll: Infinity },
  /** reads a few rows by their key; an emergency starts with it */
  look_up: { perAdministrator: 5, ofAll: Infinity },
  /** reads or writes many rows at once */
  bulk: { perAdministrator: 1, ofAll: 2 },
  write: { perAdministrator: 3, ofAll: 5 },
  read: { perAdministrator: 3, ofAll: 5 },
} as const;
export type AdministrationKind = keyof typeof limits;

/** As metrics and logs name it. */
export type AdministrationLimit = `administration_${AdministrationKind}`;
