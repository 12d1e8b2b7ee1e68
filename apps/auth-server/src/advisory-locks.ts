/** The advisory locks of this service's database: any numbers, one for each purpose. */
export const advisoryLocks = {
  migration: 0x1a9a_4d00,
  auditChain: 0x1a9a_4d01,
  signingKeys: 0x1a9a_4d02,
  resources: 0x1a9a_4d03,
  housekeeping: 0x1a9a_4d04,
  revocations: 0x1a9a_4d05,
} as const;
