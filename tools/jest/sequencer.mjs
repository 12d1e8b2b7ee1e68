import Sequencer from '@jest/test-sequencer';

/** By name, so that files that share a system find it each time as they did the last time. */
export default class extends Sequencer {
  sort(tests) {
    return [...tests].toSorted((a, b) => a.path.localeCompare(b.path));
  }
}
