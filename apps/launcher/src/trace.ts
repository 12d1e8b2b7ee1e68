import { sentenceOf } from '@lanyard/service-defaults/sentences';
import pc from 'picocolors';
import type { Line } from '@lanyard/local-system';

const colors: Record<string, (text: string) => string> = {
  'auth-server': pc.magenta,
  'jobs-api': pc.cyan,
  'batch-processor': pc.yellow,
};

/** Turns a log line into a sentence for people; undefined for lines that would only distract. */
export function trace({ service, text, fields }: Line): string | undefined {
  if (!fields) return `    ${pc.dim(text)}`;
  const sentence = sentenceOf(service, fields);
  if (sentence === undefined) return undefined;
  const time = String(fields.time).slice(11, 23);
  return `${pc.dim(time)}  ${(colors[service] ?? pc.white)(service.padEnd(15))}  ${sentence}`;
}
