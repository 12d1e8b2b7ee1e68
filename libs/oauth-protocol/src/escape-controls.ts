/** Escapes control characters as in JSON, so that text from others cannot control the terminal. */
export const escapeControls = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
