import ms from 'ms';

/** Formats a moment relative to now, as in "2 hours ago" or "in 3 days". */
export function when(moment: string | null, otherwise = ''): string {
  if (moment === null) return otherwise;
  const distance = new Date(moment).getTime() - Date.now();
  if (Math.abs(distance) < 1000) return 'just now';
  const words = ms(Math.abs(distance), { long: true });
  return distance < 0 ? `${words} ago` : `in ${words}`;
}

/** Formats a timestamp to the second. */
export const moment = (text: string): string => text.replace(/\.\d+Z$/, 'Z');
