import { MillraceError } from '../../../base/errors.ts';
import { describeType, type ParquetField, type ParquetSchema, type ParquetType } from './schema.ts';
import { mergeTypes } from './schema-merge.ts';

/**
 * The schema that holds the rows of all partitions of an output, each inferred from its own rows: columns that some lack are nullable,
 * numbers that are whole in one and not in another are float64.
 *
 * @throws {MillraceError} MR_SCHEMA naming a column whose values have no type in common
 */
export function commonSchema(schemas: readonly ParquetSchema[]): ParquetSchema {
  return { fields: commonFields(schemas.map(({ fields }) => fields)) };
}

function commonFields(all: readonly (readonly ParquetField[])[]): readonly ParquetField[] {
  const merged = new Map<string, { field: ParquetField; count: number }>();
  for (const fields of all)
    for (const field of fields) {
      const known = merged.get(field.name);
      merged.set(field.name, {
        field: known === undefined ? field : commonField(known.field, field),
        count: (known?.count ?? 0) + 1,
      });
    }
  return [...merged.values()].map(({ field, count }) =>
    count === all.length ? field : { ...field, isNullable: true },
  );
}

function commonField(a: ParquetField, b: ParquetField): ParquetField {
  const type = commonType(a.type, b.type);
  if (type === undefined)
    throw new MillraceError(
      'MR_SCHEMA',
      `column ${a.name} holds ${describeType(a.type)} in one partition and ${describeType(b.type)} in another. Map it to one type, or give a schema.`,
      { details: { column: a.name } },
    );
  return { name: a.name, type, isNullable: a.isNullable || b.isNullable };
}

function commonType(a: ParquetType, b: ParquetType): ParquetType | undefined {
  if (a.kind === 'struct' && b.kind === 'struct') return { kind: 'struct', fields: commonFields([a.fields, b.fields]) };
  if (a.kind === 'list' && b.kind === 'list') return { kind: 'list', element: commonField(a.element, b.element) };
  if (a.kind === 'map' && b.kind === 'map')
    return { kind: 'map', key: commonField(a.key, b.key), value: commonField(a.value, b.value) };
  return mergeTypes(a, b, () => true, '');
}
