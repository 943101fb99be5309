import { types } from 'node:util';
import type { RowConstant, RowTest } from '../../../../base/closures/row-tests.ts';
import type { ParquetLeaf } from '../column-shape.ts';
import { decimalText } from '../encodings/scalar-text.ts';
import { type Comparable, domainOf, type ValueDomain } from '../encodings/value-domain.ts';
import type { TimeUnit } from '../schema.ts';
import { anything, matcher, type Predicate } from './predicate.ts';

type Timestamps = 'auto' | 'date' | 'text' | 'bigint';
type Order = '<' | '<=' | '>' | '>=';

/**
 * A test that a user's function makes, as a predicate that holds for every stored value whose row passes it, and perhaps for more: it
 * may leave rows out, never decide that one stays. JavaScript's meaning is kept: null counts as 0 beside `<`, texts compare by code
 * units, a decimal that is text becomes a number, a Date its milliseconds.
 *
 * @returns undefined where nothing can be told from bounds
 */
export function rowTestPredicate(test: RowTest, leaf: ParquetLeaf, timestamps: Timestamps): Predicate | undefined {
  const nullMatches = nullPasses(test);
  if (test.op === 'isNull' || test.op === 'isNotNull') {
    return { op: test.op, leaf, domain: anything, literals: [], matches: matcher(test.op, []), nullMatches };
  }
  const found = comparisonOf(test, leaf, timestamps);
  if (found === undefined) return undefined;
  const op = test.op === 'truthy' || test.op === 'falsy' ? '=' : test.op;
  const literals = [found.literal];
  return { op, leaf, domain: found.domain, literals, matches: matcher(op, literals), nullMatches };
}

interface Comparison {
  readonly domain: ValueDomain;
  readonly literal: Comparable;
}

function comparisonOf({ op, value }: RowTest, leaf: ParquetLeaf, timestamps: Timestamps): Comparison | undefined {
  const { readAs: type = leaf.type } = leaf;
  const domain = domainOf(leaf);
  if (domain === undefined || op === 'isNull' || op === 'isNotNull') return undefined;
  if (op === 'truthy' || op === 'falsy')
    return type.kind === 'boolean' ? { domain, literal: op === 'truthy' ? 1 : 0 } : undefined;
  switch (type.kind) {
    case 'boolean':
      return op === '=' && typeof value === 'boolean' ? { domain, literal: Number(value) } : undefined;
    case 'int':
    case 'float':
      return typeof value === 'number' || typeof value === 'bigint' ? { domain, literal: value } : undefined;
    case 'string':
    case 'enum':
    case 'json':
      return typeof value === 'string' && (op === '=' || isOrderedAlike(value))
        ? { domain, literal: Buffer.from(value, 'utf8') }
        : undefined;
    case 'decimal':
      return op !== '=' && typeof value === 'number'
        ? { domain: mapped(domain, (unscaled) => Number(decimalText(unscaled, type.scale))), literal: value }
        : undefined;
    case 'date': {
      const millis = millisOf(value, op);
      return millis === undefined
        ? undefined
        : { domain: mapped(domain, (days) => Number(days) * 86_400_000), literal: millis };
    }
    case 'timestamp': {
      if (timestamps === 'bigint')
        return typeof value === 'number' || typeof value === 'bigint' ? { domain, literal: value } : undefined;
      const millis = timestamps === 'text' ? undefined : millisOf(value, op);
      const literal = millis === undefined ? undefined : ticksOf(millis, type.unit);
      return literal === undefined ? undefined : { domain, literal };
    }
    default:
      return undefined;
  }
}

/** Texts before and behind such a one are so by code units and by code points alike: the two differ among surrogates only. */
function isOrderedAlike(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) >= 0xd800) return false;
  return true;
}

/** What a Date of a row is compared with; two Dates are never equal. */
function millisOf(value: RowConstant, op: Order | '='): number | undefined {
  if (op === '=') return undefined;
  if (types.isDate(value)) return value.getTime();
  return typeof value === 'number' ? value : undefined;
}

const ticksPerMilli: Readonly<Record<TimeUnit, bigint>> = { ms: 1n, us: 1_000n, ns: 1_000_000n };

function ticksOf(millis: number, unit: TimeUnit): Comparable | undefined {
  if (Number.isInteger(millis)) return BigInt(millis) * ticksPerMilli[unit];
  return Number.isFinite(millis) ? undefined : millis;
}

/** The domain with its values in another form, which must keep their order. */
function mapped(domain: ValueDomain, convert: (value: number | bigint) => number): ValueDomain {
  const converted = (value: Comparable | undefined): number | undefined =>
    value === undefined || value instanceof Uint8Array ? undefined : convert(value);
  return {
    ...domain,
    stored: (bytes) => converted(domain.stored(bytes)),
    slots: (vector) => {
      const read = domain.slots(vector);
      return (slot) => converted(read(slot)) ?? Number.NaN;
    },
  };
}

/** Whether a row passes whose column is null, or, below a struct, undefined because the struct is. */
export function nullPasses({ op, value, path }: RowTest): boolean {
  return passes(op, value, null) || (path.length > 1 && passes(op, value, undefined));
}

/** JavaScript's own answer for a value that is at hand. */
export function passes(op: RowTest['op'], constant: RowConstant, value: unknown): boolean {
  // The operators convert what they are given; the types would have them refuse it.
  const [left, right] = [value, constant] as [number, number];
  switch (op) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '=':
      // biome-ignore lint/suspicious/noDoubleEquals: whoever wrote === passes no more rows than ==
      return left == right;
    case 'isNull':
      return value === null || value === undefined;
    case 'isNotNull':
      // `!== null` lets undefined pass.
      return value !== null;
    case 'truthy':
      return Boolean(value);
    case 'falsy':
      return !value;
  }
}
