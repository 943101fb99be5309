import { setImmediate } from 'node:timers/promises';
import { TextDecoder } from 'node:util';
import { SaxesParser } from 'saxes';
import { MillraceError } from '../../base/errors.ts';
import { BatchError } from '../definition/batch-error.ts';
import type { ItemReader, ItemStream } from '../definition/item-reader.ts';
import type { JsonValue } from '../definition/json-value.ts';
import type { SchemaOutput, StandardSchemaV1 } from '../definition/standard-schema.ts';
import { fileSystemsOf } from './file-systems.ts';
import { type FileFingerprint, InputFile } from './input-file.ts';
import { checkPath, checkSchema } from './option-checks.ts';
import { encodingOf, type TextEncoding, type TextOptions } from './text-encoding.ts';
import { malformed } from './text-records.ts';
import { validateItem } from './validation.ts';
import { ElementBuilder, type XmlElement } from './xml-element.ts';

export interface XmlOptions extends TextOptions {
  /** The name of the elements to read, at any depth; those inside of one are part of it. */
  readonly element: string;
}

/**
 * Each element of one name as an object: attributes as `@name`, children by name, repeated ones as arrays, a child with
 * only text as that string, other text as `#text`. Document types and external entities are refused.
 *
 * A restart reads the file again up to where it stopped. Memory is that of one element.
 *
 * @throws {MillraceError} MR_PARSE where the file is not well-formed, with `details: { path, line }`; nothing can be read behind that
 */
export function xmlReader<S extends StandardSchemaV1>(
  path: string,
  options: XmlOptions & { readonly schema: S },
): ItemReader<SchemaOutput<S>>;
export function xmlReader<I extends object = XmlElement>(path: string, options: XmlOptions): ItemReader<I>;
export function xmlReader(
  path: string,
  options: XmlOptions & { readonly schema?: StandardSchemaV1 },
): ItemReader<unknown> {
  const { element, schema } = options ?? {};
  if (typeof element !== 'string' || element === '') {
    throw new MillraceError('MR_OPTION_INVALID', 'xmlReader: element must be the name of the elements to read.');
  }
  checkPath('xmlReader', path);
  checkSchema('xmlReader', options.schema);
  const encoding = encodingOf('xmlReader', options);
  return {
    async open(position, c) {
      const from = position as unknown as XmlPosition | undefined;
      const file = new InputFile(path, from?.file, fileSystemsOf(c));
      const stream = new XmlStream(file, element, encoding, schema);
      try {
        await stream.drop(from?.elements ?? 0);
      } catch (error) {
        file.close();
        throw error;
      }
      return stream;
    },
  };
}

type XmlPosition = { readonly elements: number; readonly file: FileFingerprint };

const blockBytes = 64 * 1024;

class XmlStream implements ItemStream<unknown> {
  readonly #file: InputFile;
  readonly #schema: StandardSchemaV1 | undefined;
  readonly #encoding: TextEncoding;
  readonly #decoder: TextDecoder;
  readonly #parser: SaxesParser;
  readonly #block: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  /** Elements that are complete and not yet read, with the line each ends in. */
  #ready: { readonly element: XmlElement; readonly line: number }[] = [];
  #offset = 0;
  #elements = 0;
  #isEnd = false;
  /** Whether the last tag that was closed was that of an item. */
  #isItemClosed = false;
  /** Where the file stops being XML; thrown when everything before it was read. */
  #broken: Error | undefined;
  #isBrokenThrown = false;

  constructor(file: InputFile, name: string, encoding: TextEncoding, schema: StandardSchemaV1 | undefined) {
    this.#file = file;
    this.#schema = schema;
    this.#encoding = encoding;
    this.#decoder = new TextDecoder(encoding === 'latin1' ? 'utf-8' : encoding, { fatal: true });
    const parser = new SaxesParser({ xmlns: false, fileName: file.name });
    const builder = new ElementBuilder(name, (element) => this.#ready.push({ element, line: parser.line }));
    parser.on('error', (error) => {
      // saxes closes the element that is open before it says that the tag was another one's.
      if (this.#broken === undefined && error.message.endsWith('unexpected close tag.')) this.#takeBack();
      this.#broken ??= malformed(file.name, parser.line, error.message.replace(/^.*?:\d+:\d+: /, ''), error);
    });
    parser.on('doctype', () => {
      this.#broken ??= malformed(file.name, parser.line, 'document types are not read. Take the <!DOCTYPE out.');
    });
    parser.on(
      'opentag',
      ({ name: tag, attributes }) => this.#broken ?? builder.open(tag, attributes as Record<string, string>),
    );
    parser.on('text', (text) => this.#broken ?? builder.text(text));
    parser.on('cdata', (text) => this.#broken ?? builder.text(text));
    parser.on('closetag', () => {
      this.#isItemClosed = this.#broken === undefined && builder.close();
    });
    this.#parser = parser;
  }

  /** Goes to where an earlier run stopped. */
  async drop(count: number): Promise<void> {
    while (this.#elements < count) {
      await this.#fill();
      const dropped = this.#ready.splice(0, count - this.#elements).length;
      this.#elements += dropped;
      if (dropped === 0 && this.#isEnd) return;
    }
  }

  async read(size: number): Promise<readonly unknown[]> {
    const items: unknown[] = [];
    while (items.length < size) {
      await this.#fill();
      const next = this.#ready[0];
      if (next === undefined) {
        if (items.length === 0 && this.#broken !== undefined) throw this.#nextError(this.#broken);
        break;
      }
      try {
        items.push(await this.#checked(next.element, next.line));
      } catch (error) {
        if (items.length > 0) break;
        if (error instanceof MillraceError && error.code === 'MR_VALIDATION') this.#pass();
        throw error;
      }
      this.#pass();
    }
    return items;
  }

  position(): JsonValue {
    return { elements: this.#elements, file: this.#file.fingerprint };
  }

  progress(): { current: number; total?: number } {
    return this.#file.isCompressed
      ? { current: this.#offset }
      : { current: this.#offset, total: this.#file.fingerprint.size };
  }

  close(): void {
    this.#file.close();
  }

  #takeBack(): void {
    if (this.#isItemClosed) this.#ready.pop();
  }

  #pass(): void {
    this.#ready.shift();
    this.#elements += 1;
  }

  #checked(element: XmlElement, line: number): unknown {
    if (this.#schema === undefined) return element;
    const { name } = this.#file;
    return validateItem(this.#schema, element, `${name}, line ${line}`, { path: name, line });
  }

  /** The first time MR_PARSE; when that was skipped, an error that cannot be: the rest of the file is not readable. */
  #nextError(broken: Error): Error {
    if (!this.#isBrokenThrown) {
      this.#isBrokenThrown = true;
      return broken;
    }
    return new BatchError(
      `${this.#file.name} cannot be read behind the place where it is not well-formed. Mend the file.`,
      { cause: broken },
    );
  }

  /** Parses on until an element is ready or the file ends. */
  async #fill(): Promise<void> {
    while (this.#ready.length === 0 && !this.#isEnd) {
      await setImmediate();
      const count = this.#file.read(this.#block, this.#offset);
      this.#offset += count;
      this.#parser.write(this.#decoded(this.#block.subarray(0, count), count === 0));
      if (count === 0) this.#parser.close();
      this.#isEnd = count === 0 || this.#broken !== undefined;
    }
  }

  #decoded(bytes: Buffer, isLast: boolean): string {
    if (this.#offset <= blockBytes)
      this.#checkEncoding(
        /^(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*["']([\w.-]+)/.exec(bytes.toString('latin1'))?.[1],
      );
    if (this.#broken !== undefined) return '';
    if (this.#encoding === 'latin1') return bytes.toString('latin1');
    try {
      return this.#decoder.decode(bytes, { stream: !isLast });
    } catch (error) {
      this.#broken ??= malformed(
        this.#file.name,
        this.#parser.line,
        `it is not valid ${this.#encoding} somewhere behind this.`,
        error,
      );
      return '';
    }
  }

  #checkEncoding(declared: string | undefined): void {
    const known = declared === undefined ? undefined : declaredEncodings[declared.toLowerCase()];
    if (declared === undefined || known === 'any' || known === this.#encoding) return;
    const mend = known === undefined ? 'Convert it to utf-8.' : `Read it with encoding: '${known}'.`;
    this.#broken ??= malformed(this.#file.name, this.#parser.line, `the file says that it is in ${declared}. ${mend}`);
  }
}

const declaredEncodings: Readonly<Record<string, TextEncoding | 'any'>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'any',
  ascii: 'any',
  'iso-8859-1': 'latin1',
  latin1: 'latin1',
  'utf-16': 'utf-16le',
  'utf-16le': 'utf-16le',
};
