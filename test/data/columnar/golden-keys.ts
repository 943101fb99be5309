/** Keys whose hashes are frozen in golden/key-hash.json, by name: corners by hand, the others from a fixed sequence. */
export function goldenKeys(): [string, unknown][] {
  const keys: [string, unknown][] = [
    ['null', null],
    ['undefined', undefined],
    ['true', true],
    ['false', false],
    ['-0', -0],
    ['NaN', Number.NaN],
    ['empty string', ''],
    ['lone surrogate', '\ud800'],
    ['astral', 'a😀b'],
    ['latin-1', 'déjà vu'],
    ['empty array', []],
    ['empty object', {}],
    ['hole', new Array(2)],
    ['two fields', { b: [1, 'x'], a: null }],
    ['__proto__ field', JSON.parse('{"__proto__": 1}')],
    ['invalid date', new Date(Number.NaN)],
    [
      'map',
      new Map<unknown, unknown>([
        [1, 'a'],
        ['1', { b: 2 }],
      ]),
    ],
    ['set', new Set<unknown>([1, 'a', [2]])],
    ['regExp', /a+/gi],
    ['error', new TypeError('bad')],
    ['boxed', Object(1)],
    ['float32', Float32Array.of(1.5, -0)],
    ['dataView', new DataView(Uint8Array.of(1, 2, 3).buffer, 1)],
    ['arrayBuffer', Uint8Array.of(1, 2).buffer],
  ];
  for (const number of [0, 1, -1, 0.5, 1e21, 2 ** 31, -(2 ** 31), 2 ** 53, 5e-324, Infinity, -Infinity]) {
    keys.push([`number ${number}`, number], [`date ${number}`, new Date(number)], [`text ${number}`, String(number)]);
  }
  for (const power of [0n, 31n, 32n, 53n, 62n, 63n, 64n, 100n]) {
    for (const delta of [-1n, 0n, 1n])
      keys.push([`2**${power}+${delta}`, 2n ** power + delta], [`-2**${power}+${delta}`, -(2n ** power) + delta]);
  }
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
  for (let length = 0; length < 40; length++) {
    const units = Array.from({ length }, () => 32 + (next() % 95));
    const wide = Array.from(
      { length },
      () => [0x41 + (next() % 26), 0xe0 + (next() % 30), 0x4e00 + (next() % 999)][next() % 3]!,
    );
    keys.push([`ascii ${length}`, String.fromCharCode(...units)], [`wide ${length}`, String.fromCharCode(...wide)]);
    keys.push([`bytes ${length}`, Uint8Array.from(units)], [`numbers ${length}`, units.map((unit) => unit / 8)]);
  }
  for (let index = 0; index < 60; index++) {
    keys.push([`integer ${index}`, next() - 2 ** 23], [`float ${index}`, (next() - 2 ** 23) / 1000]);
    keys.push(
      [`pair ${index}`, [`k${next() % 100}`, next() % 100]],
      [`object ${index}`, { id: next(), name: `n${next()}` }],
    );
  }
  return keys;
}
