/**
 * Moves the clock of a service. A test preloads this file with `node --import`. Each SIGUSR2 advances the clock by a
 * minute; timers are not affected. CLOCK_MINUTES is the initial offset.
 */
let minutes = Number(process.env.CLOCK_MINUTES ?? 0);
process.on('SIGUSR2', () => (minutes += 1));

const RealDate = Date;
const [realNow, monotonic] = [Date.now.bind(Date), performance.now.bind(performance)];
const now = () => realNow() + minutes * 60_000;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, moment, newTarget) =>
    Reflect.construct(target, moment.length === 0 ? [now()] : moment, newTarget),
  get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
});
performance.now = () => monotonic() + minutes * 60_000;
