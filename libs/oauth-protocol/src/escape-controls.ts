/** Control characters as they are written in JSON: what others have sent is not for a terminal to obey. */
export const escapeControls = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
