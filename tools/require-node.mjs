/** Node 24 comes with `npm ci` on Linux and Windows; elsewhere it must be there. */
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Lanyard needs Node 24 or newer, and this is ${process.versions.node}. ` +
      'On Linux and Windows, run it by npm (npm ci, then npm start); on macOS, install it first: nvm install\n',
  );
  process.exit(1);
}
