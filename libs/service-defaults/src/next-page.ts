/** The path of the next page, if this one is full. */
export function nextPage(path: string, query: { limit: number }, count: number, after: string | number | undefined) {
  if (count < query.limit || after === undefined) return null;
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, after }) as [string, unknown][]) {
    if (value !== undefined) parameters.set(name, value instanceof Date ? value.toISOString() : String(value));
  }
  return `${path}?${parameters}`;
}
