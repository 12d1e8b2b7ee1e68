import { parse } from 'pg-connection-string';
import { z } from 'zod';

/** The URL of a database, parsed as pg does, so that a faulty one is reported when the service starts. */
export const databaseUrl = z
  .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// address', abort: true })
  .superRefine((url, context) => {
    const message = faultOf(url);
    if (message) context.addIssue({ code: 'custom', message });
  });

/** The message repeats no part of the URL except the path of a file. */
function faultOf(url: string): string | undefined {
  try {
    parse(url);
    return undefined;
  } catch (error) {
    const { code, path, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof URIError)
      return 'has a % in its user, password or database that is not encoded: write it as %25';
    if (syscall !== undefined && path !== undefined) return `names a file that cannot be read (${code}): ${path}`;
    return 'cannot be read as the address of a database';
  }
}
