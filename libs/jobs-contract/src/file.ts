import { z } from 'zod';

export const fileIdSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of a file');

const size = z.int().describe('bytes');
export const storedFileSchema = z.object({ id: z.string().describe('SHA-256 of the content'), size });

export const fileQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: fileIdSchema.optional().describe('the last id of the previous page'),
});
export type FileQuery = z.infer<typeof fileQuerySchema>;

const listedFileSchema = storedFileSchema.extend({ createdAt: z.iso.datetime() });
const usageSchema = z.object({
  files: z.int(),
  bytes: z.int(),
  uploads: z.int().describe('uploads in progress'),
});

export const filePageSchema = z.object({
  items: z.array(listedFileSchema),
  used: usageSchema.describe('the usage by all files that the client owns and its uploads in progress'),
  allowed: usageSchema.describe('the quota of each client'),
  next: z.string().nullable().describe('the path of the next page'),
});
export type FilePage = z.infer<typeof filePageSchema>;
