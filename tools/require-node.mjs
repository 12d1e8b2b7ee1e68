/** `npm ci` installs Node 24 on Linux and Windows; elsewhere it must be installed before. */
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `Lanyard needs Node 24 or newer, but this is ${process.versions.node}. ` +
      'On Linux and Windows, run it with npm (npm ci, then npm start); on macOS, install it first: nvm install\n',
  );
  process.exit(1);
}
