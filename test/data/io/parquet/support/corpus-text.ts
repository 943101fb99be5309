import type { ParquetType } from '../../../../../src/data/io/parquet/schema.ts';

/** A value in the notation of the corpus's README: numbers as text, bytes as hex, nine decimals on every time. */
export function corpusText(value: unknown, type: ParquetType): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case 'int':
      return String(value);
    case 'float':
      return pythonFloat(value as number);
    case 'date':
      return (value as Date).toISOString().slice(0, 10);
    case 'time':
    case 'timestamp':
      return nineDecimals(value as string);
    case 'binary':
    case 'fixed':
    case 'bson':
      return Buffer.from(value as Uint8Array).toString('hex');
    case 'list':
      return (value as unknown[]).map((element) => corpusText(element, type.element.type));
    case 'map':
      return [...(value as Map<unknown, unknown>)].map(([key, entry]) => [
        corpusText(key, type.key.type),
        corpusText(entry, type.value.type),
      ]);
    case 'struct':
      return Object.fromEntries(
        type.fields.map((field) => [
          field.name,
          corpusText((value as Record<string, unknown>)[field.name], field.type),
        ]),
      );
    default:
      return value;
  }
}

function nineDecimals(text: string): string {
  return text.replace(/\.(\d+)/, (_, digits: string) => `.${digits.padEnd(9, '0')}`);
}

/** As Python's repr writes a float: 1.0, 1e-05, 1e+16, nan, inf. */
function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  if (value === 0) return '0.0';
  const [digits = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= 16 || exponent < -4)
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const plain =
    exponent < 0 ? value.toFixed(Math.max(digits.replace(/[-.]/g, '').length - exponent - 1, 1)) : wholeText(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

function wholeText(value: number): string {
  return Number.isInteger(value) ? String(BigInt(value)) : String(value);
}
