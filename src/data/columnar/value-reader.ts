import { MillraceError } from '../../base/errors.ts';
import { valueTag } from './value-writer.ts';

/** Sets an own property, also one named __proto__. */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    (target as Record<string, unknown>)[key] = value;
  }
}

/** Reads what {@link ValueWriter} wrote. What it returns owns its memory: nothing points into the bytes read. */
export class ValueReader {
  readonly #bytes: Buffer;
  #position = 0;
  #objects: object[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The value that starts at `position`. */
  read(position: number): unknown {
    this.#position = position;
    this.#objects = [];
    return this.#value();
  }

  #size(): number {
    let size = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.#position++]!;
      size += (byte & 127) * scale;
      if (byte < 128) return size;
      scale *= 128;
    }
  }

  #double(): number {
    const value = this.#bytes.readDoubleLE(this.#position);
    this.#position += 8;
    return value;
  }

  /** A copy: never a view of shared memory, never a slice of a pool. */
  #raw(): Uint8Array {
    const length = this.#size();
    const copy = new Uint8Array(length);
    copy.set(this.#bytes.subarray(this.#position, this.#position + length));
    this.#position += length;
    return copy;
  }

  #text(encoding: 'latin1' | 'utf8' | 'utf16le'): string {
    const length = this.#size();
    const start = this.#position;
    this.#position += length;
    return this.#bytes.toString(encoding, start, start + length);
  }

  #bigint(): bigint {
    const negative = this.#bytes[this.#position++] === 1;
    const magnitude = BigInt(`0x${Buffer.from(this.#raw()).toString('hex')}`);
    return negative ? -magnitude : magnitude;
  }

  #remember<T extends object>(value: T): T {
    this.#objects.push(value);
    return value;
  }

  #value(): unknown {
    const tag = this.#bytes[this.#position++];
    switch (tag) {
      case valueTag.null:
        return null;
      case valueTag.undefined:
        return undefined;
      case valueTag.false:
        return false;
      case valueTag.true:
        return true;
      case valueTag.integer: {
        const size = this.#size();
        return size % 2 === 1 ? -(size + 1) / 2 : size / 2;
      }
      case valueTag.float:
        return this.#double();
      case valueTag.latin1:
        return this.#text('latin1');
      case valueTag.utf8:
        return this.#text('utf8');
      case valueTag.utf16:
        return this.#text('utf16le');
      case valueTag.bigint:
        return this.#bigint();
      case valueTag.reference:
        return this.#objects[this.#size()];
      default:
        return this.#object(tag);
    }
  }

  #object(tag: number | undefined): object {
    switch (tag) {
      case valueTag.date:
        return this.#remember(new Date(this.#double()));
      case valueTag.array: {
        const length = this.#size();
        const array: unknown[] = this.#remember([]);
        for (let index = 0; index < length; index++) array.push(this.#value());
        return array;
      }
      case valueTag.sparseArray: {
        const array: unknown[] = this.#remember([]);
        array.length = this.#size();
        this.#fields(array);
        return array;
      }
      case valueTag.object: {
        const object = this.#remember({});
        this.#fields(object);
        return object;
      }
      case valueTag.map: {
        const map = this.#remember(new Map<unknown, unknown>());
        for (let rest = this.#size(); rest > 0; rest--) {
          const key = this.#value();
          map.set(key, this.#value());
        }
        return map;
      }
      case valueTag.set: {
        const set = this.#remember(new Set<unknown>());
        for (let rest = this.#size(); rest > 0; rest--) set.add(this.#value());
        return set;
      }
      case valueTag.regExp: {
        const pattern = new RegExp(String(this.#value()), String(this.#value()));
        pattern.lastIndex = Number(this.#value());
        return this.#remember(pattern);
      }
      case valueTag.error:
        return this.#error();
      case valueTag.bytes:
        return this.#remember(this.#raw());
      case valueTag.buffer:
        return this.#remember(Buffer.from(this.#raw().buffer));
      case valueTag.view: {
        const name = String(this.#value());
        const ViewClass = Reflect.get(globalThis, name) as new (buffer: ArrayBufferLike) => ArrayBufferView;
        return this.#remember(new ViewClass(this.#raw().buffer));
      }
      case valueTag.arrayBuffer:
        return this.#remember(this.#raw().buffer);
      case valueTag.boxed: {
        const place = this.#objects.push({}) - 1;
        const boxed: object = Object(this.#value());
        this.#objects[place] = boxed;
        return boxed;
      }
      default:
        throw new MillraceError(
          'MR_BUG',
          `An encoded value has the unknown tag ${tag} at byte ${this.#position - 1}: the block is damaged or was written by a newer version.`,
        );
    }
  }

  #fields(target: object): void {
    for (let rest = this.#size(); rest > 0; rest--) {
      const key = String(this.#value());
      setOwn(target, key, this.#value());
    }
  }

  #error(): Error {
    const className = String(this.#value());
    const ErrorClass = Reflect.get(globalThis, className) as ErrorConstructor;
    const error: Error =
      className === 'AggregateError' ? this.#remember(new AggregateError([])) : this.#remember(new ErrorClass());
    const hidden = { writable: true, enumerable: false, configurable: true };
    const name = this.#value();
    if (name !== error.name) Object.defineProperty(error, 'name', { value: name, ...hidden });
    Object.defineProperty(error, 'message', { value: this.#value(), ...hidden });
    Object.defineProperty(error, 'stack', { value: this.#value(), ...hidden });
    for (let rest = this.#size(); rest > 0; rest--) {
      const key = String(this.#value());
      const value = this.#value();
      if (key === 'cause' || key === 'errors') Object.defineProperty(error, key, { value, ...hidden });
      else setOwn(error, key, value);
    }
    return error;
  }
}
