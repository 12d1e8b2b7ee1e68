/** Prints which of the tokens in `TOKENS` a validator accepts, for `npm run interop`. */
export async function report(validate) {
  const outcomes = {};
  for (const [name, token] of Object.entries(JSON.parse(process.env.TOKENS))) {
    outcomes[name] = await validate(token).then(
      (status) => (status === undefined || status === 200 ? 'accepted' : 'refused'),
      () => 'refused',
    );
  }
  console.log(JSON.stringify(outcomes));
}

/** The status of a request to a server with this token. */
export const statusAt = (url) => async (token) =>
  (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
