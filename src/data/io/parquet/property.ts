type ReadProperty = (objects: readonly unknown[]) => readonly unknown[];

/**
 * Reads one property of many objects. Has a function of its own for each name, because one for all sees too many kinds of
 * objects, and keeps it, so that it gets hot. Of what Object.prototype has too, only own properties count.
 */
export class PropertyReader {
  readonly #readers = new Map<string, ReadProperty>();

  read(objects: readonly unknown[], name: string): readonly unknown[] {
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = readerOf(name);
      this.#readers.set(name, reader);
    }
    return reader(objects);
  }
}

function readerOf(name: string): ReadProperty {
  const key = JSON.stringify(name).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  const value =
    name in Object.prototype ? `Object.hasOwn(object, ${key}) ? object[${key}] : undefined` : `object[${key}]`;
  const body = `const values = new Array(objects.length); for (let index = 0; index < objects.length; index++) { const object = objects[index]; values[index] = ${value}; } return values;`;
  return new Function('objects', body) as ReadProperty;
}
