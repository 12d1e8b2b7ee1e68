import ms from 'ms';

/** How long ago, or from now on. */
export function when(moment: string | null, otherwise = ''): string {
  if (moment === null) return otherwise;
  const distance = new Date(moment).getTime() - Date.now();
  if (Math.abs(distance) < 1000) return 'just now';
  const words = ms(Math.abs(distance), { long: true });
  return distance < 0 ? `${words} ago` : `in ${words}`;
}

/** The moment itself, to the second. */
export const moment = (text: string): string => text.replace(/\.\d+Z$/, 'Z');
