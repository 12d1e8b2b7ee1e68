export { csvSummarySchema, type ColumnSummary, type CsvSummary } from './csv-summary.ts';
export * from './file.ts';
export * from './job.ts';
export * from './lease.ts';
