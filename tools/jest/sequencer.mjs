import Sequencer from '@jest/test-sequencer';

/** Sorts by name, so that files that share a system run in the same order each time. */
export default class extends Sequencer {
  sort(tests) {
    return [...tests].toSorted((a, b) => a.path.localeCompare(b.path));
  }
}
