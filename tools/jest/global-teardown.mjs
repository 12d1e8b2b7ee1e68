/** How long a run may go on after its last test, ms. */
const patience = 10_000;

export default async function globalTeardown() {
  await globalThis.stopShared?.();
  // Such as a loop that waits in vain.
  setTimeout(() => {
    process.stderr.write(
      `something still runs ${patience / 1000} s after the last test: the run is ended, and fails\n`,
    );
    process.exit(1);
  }, patience).unref();
}
