/**
 * Decodes the content of a file: UTF-8, or UTF-16 with a byte order mark, as Windows PowerShell writes it.
 * @throws {Error}  when it is neither; the message continues a sentence that begins with the name of the file, and
 *                  holds none of its content
 */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  let text;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`is not text in ${encoding.toUpperCase()}: save it as UTF-8`);
  }
  if (text.includes('\0'))
    throw new Error('has a NUL character, as UTF-16 without a byte order mark has: save it as UTF-8');
  return text;
}
