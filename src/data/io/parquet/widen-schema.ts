import { isNested, type ParquetField, type ParquetSchema, type ParquetType } from './schema.ts';

/**
 * The schema of a file so far, made to hold the rows of one more row group where that needs no change of what is written:
 * new columns are null before, and what was null only may become anything. Whatever else differs stays as it was, for the
 * encoder to refuse with row and field.
 */
export function widenSchema(written: ParquetSchema, next: ParquetSchema): ParquetSchema {
  const fields = written.fields.map((field) => {
    const other = next.fields.find(({ name }) => name === field.name);
    return other === undefined ? field : { ...field, type: widen(field.type, other.type, true) };
  });
  const known = new Set(written.fields.map(({ name }) => name));
  return { fields: [...fields, ...next.fields.filter(({ name }) => !known.has(name))] };
}

/** A whole column of nulls may become anything; nulls inside of lists and structs only what has the same levels. */
function widen(written: ParquetType, next: ParquetType, isColumn: boolean): ParquetType {
  if (written.kind === 'null') return isColumn || !isNested(next) ? next : written;
  if (written.kind === 'list' && next.kind === 'list')
    return { kind: 'list', element: widenField(written.element, next.element) };
  if (written.kind === 'map' && next.kind === 'map')
    return { kind: 'map', key: written.key, value: widenField(written.value, next.value) };
  if (written.kind === 'struct' && next.kind === 'struct') {
    const fields = written.fields.map((field) => {
      const other = next.fields.find(({ name }) => name === field.name);
      return other === undefined ? field : widenField(field, other);
    });
    return { kind: 'struct', fields };
  }
  return written;
}

function widenField(written: ParquetField, next: ParquetField): ParquetField {
  return { ...written, type: widen(written.type, next.type, false) };
}
