import { MillraceError } from '../../base/errors.ts';
import type { ItemWriter } from '../definition/item-writer.ts';
import { FileWriter } from './file-writer.ts';
import type { OutputOptions } from './staged-file.ts';
import { encodeText } from './text-encoding.ts';

export interface XmlWriterOptions extends OutputOptions {
  readonly root: string;
  /** The name of the element of an item. */
  readonly element: string;
}

/** Name, XML 1.0 (fifth edition), section 2.3, without colons at the ends. */
const namePattern = /^[\p{L}_:][\p{L}\p{N}\p{M}_:.\-\u00b7]*$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML 1.0 cannot hold
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u;

/**
 * Each item as an element inside of `root`, as {@link xmlReader} reads it: `@name` an attribute, `#text` text, arrays
 * repeated elements, undefined and null nothing. UTF-8. The file appears when the step is complete (ST-50).
 *
 * @throws {MillraceError} MR_VALIDATION for names that are none in XML and characters it cannot hold
 */
// biome-ignore lint/suspicious/noExplicitAny: without a step around it nothing says what the items are
export function xmlWriter<O extends object = any>(path: string, options: XmlWriterOptions): ItemWriter<O> {
  const { root, element } = options ?? {};
  for (const name of [root, element]) {
    if (typeof name !== 'string' || !namePattern.test(name))
      throw new MillraceError('MR_OPTION_INVALID', `xmlWriter: ${JSON.stringify(name)} is no name of an element.`);
  }
  const encode = (items: readonly O[]): Buffer =>
    encodeText(items.map((item) => `${elementText(element, item)}\n`).join(''), 'utf-8');
  const header = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n`);
  const footer = Buffer.from(`</${root}>\n`);
  return new FileWriter(path, { writer: 'xmlWriter', encoder: () => ({ header, footer, encode }) }, options);
}

function elementText(name: string, value: unknown): string {
  if (!namePattern.test(name))
    throw new MillraceError('MR_VALIDATION', `xmlWriter: ${JSON.stringify(name)} is no name of an element.`);
  if (typeof value !== 'object' || value === null || value instanceof Date)
    return `<${name}>${escaped(value)}</${name}>`;
  let attributes = '';
  let content = '';
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined || part === null) continue;
    if (key === '#text') content += escaped(part);
    else if (!key.startsWith('@')) {
      for (const one of Array.isArray(part) ? part : [part]) content += elementText(key, one ?? '');
    } else {
      const attribute = key.slice(1);
      if (!namePattern.test(attribute))
        throw new MillraceError('MR_VALIDATION', `xmlWriter: ${JSON.stringify(attribute)} is no name of an attribute.`);
      attributes += ` ${attribute}="${escaped(part, /[&<"\r\t\n]/g)}"`;
    }
  }
  return content === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Parsers turn these into line feeds, or in attributes into spaces, when they stand as they are.
  '\r': '&#13;',
  '\t': '&#9;',
  '\n': '&#10;',
};

function escaped(value: unknown, characters = /[&<>\r]/g): string {
  const text = value instanceof Date ? value.toISOString() : String(value);
  const foreign = unwritable.exec(text);
  if (foreign)
    throw new MillraceError(
      'MR_VALIDATION',
      `xmlWriter: XML cannot hold the character U+${text.charCodeAt(foreign.index).toString(16).padStart(4, '0')}.`,
    );
  return text.replace(characters, (character) => entities[character] ?? character);
}
