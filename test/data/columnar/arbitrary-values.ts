import fc from 'fast-check';

/** Strings that break codecs: empty, ASCII, Latin-1, astral, lone surrogates, long, and few enough to repeat. */
export const anyString: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 30, maxLength: 90, unit: 'binary-ascii' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('', 'a', 'B', '\u0000', 'é', '中', '😀', '\ud800', '\udc00x', '__proto__', 'toString', '1'),
);

export const anyNumber: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    2147483647,
    -2147483648,
    2147483648,
    -2147483649,
    2 ** 53,
    5e-324,
  ),
);

export const anyBigint: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -100n, max: 100n }),
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 10n ** 60n),
);

const anyDate: fc.Arbitrary<Date> = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(Number.NaN, 0, -1, 8.64e15, -8.64e15).map((time) => new Date(time)),
);

const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);

const anyBinary: fc.Arbitrary<unknown> = fc.oneof(
  anyBytes,
  fc.int8Array(),
  fc.uint8ClampedArray(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  fc.uint8Array().map((bytes) => bytes.slice().buffer),
  fc.uint8Array({ minLength: 2 }).map((bytes) => new DataView(bytes.slice().buffer, 1)),
);

const anyError: fc.Arbitrary<Error> = fc
  .tuple(fc.constantFrom(Error, TypeError, RangeError), anyString, fc.option(fc.integer(), { nil: undefined }))
  .map(([ErrorClass, message, code]) =>
    code === undefined ? new ErrorClass(message) : Object.assign(new ErrorClass(message, { cause: code }), { code }),
  );

export const primitive: fc.Arbitrary<unknown> = fc.oneof(
  anyNumber,
  anyString,
  anyBigint,
  fc.boolean(),
  fc.constantFrom(null, undefined),
);

const anyRegExp: fc.Arbitrary<RegExp> = fc
  .tuple(fc.constantFrom('a+', '(?<year>\\d{4})', '[\\ud800]', '/'), fc.constantFrom('', 'g', 'iu', 'sy'), fc.nat(9))
  .map(([source, flags, lastIndex]) => Object.assign(new RegExp(source, flags), { lastIndex }));

const key = fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', '2', '1', 'constructor', ''), anyString);

/** An object with own properties, also __proto__, in this order. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  }
  return object;
}

/** Any value that can be copied, nested, mixed, with holes. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    primitive,
    anyDate,
    anyBinary,
    anyRegExp,
    anyError,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.sparseArray(tie('value'), { maxLength: 5, noTrailingHole: false }),
    fc.tuple(tie('value'), tie('value')),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(objectOf),
    fc.record({ id: anyNumber, name: anyString, extra: tie('value') }, { requiredKeys: ['id'] }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
    fc.constantFrom(new Number(-0), new String('boxed'), new Boolean(false), Object(7n)),
  ),
})).value;

/** Columns as data has them: of one kind, perhaps with null and undefined, or of anything. */
export const anyColumn: fc.Arbitrary<unknown[]> = fc.oneof(
  ...[
    anyNumber,
    fc.integer(),
    anyString,
    fc.constantFrom('red', 'green', 'blue'),
    fc.boolean(),
    anyBigint,
    anyDate,
    anyBytes,
    fc.tuple(anyString, anyNumber),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.record({ id: fc.integer(), name: anyString, at: anyDate, tags: fc.array(anyString, { maxLength: 3 }) }),
    fc.record({ a: fc.integer(), b: anyString, c: fc.boolean() }, { requiredKeys: [] }),
    fc.dictionary(anyString, fc.integer(), { maxKeys: 5 }),
  ].flatMap((values: fc.Arbitrary<unknown>) => [
    fc.array(values, { maxLength: 80 }),
    fc.array(fc.option(values, { nil: null, freq: 3 }), { maxLength: 40 }),
    fc.array(fc.option(fc.option(values, { nil: null }), { nil: undefined }), { maxLength: 40 }),
  ]),
  fc.array(anyValue, { maxLength: 12 }),
);
