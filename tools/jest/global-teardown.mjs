/** How long a run may continue after its last test, ms. */
const timeout = 10_000;

export default async function globalTeardown() {
  await globalThis.stopShared?.();
  // For example, a loop may wait forever.
  setTimeout(() => {
    process.stderr.write(
      `something is still running ${timeout / 1000} s after the last test: the run is aborted, and fails\n`,
    );
    process.exit(1);
  }, timeout).unref();
}
