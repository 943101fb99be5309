/** An XML element as an object; see {@link xmlReader}. */
export type XmlElement = { [name: string]: XmlValue };
export type XmlValue = string | XmlElement | readonly (string | XmlElement)[];

interface OpenElement {
  readonly name: string;
  readonly value: Record<string, XmlValue | (string | XmlElement)[]>;
  text: string;
  hasChildren: boolean;
  hasAttributes: boolean;
}

/** Builds the elements of one name from the events of a parser. */
export class ElementBuilder {
  readonly #name: string;
  readonly #onElement: (element: XmlElement) => void;
  /** The element being built, and those open inside of it. */
  readonly #open: OpenElement[] = [];

  constructor(name: string, onElement: (element: XmlElement) => void) {
    this.#name = name;
    this.#onElement = onElement;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#open.length === 0 && name !== this.#name) return;
    const value: OpenElement['value'] = {};
    const names = Object.keys(attributes);
    for (const attribute of names) value[`@${attribute}`] = attributes[attribute] ?? '';
    this.#open.push({ name, value, text: '', hasChildren: false, hasAttributes: names.length > 0 });
  }

  text(text: string): void {
    const element = this.#open.at(-1);
    if (element !== undefined) element.text += text;
  }

  /** @returns whether that completed an element of the name */
  close(): boolean {
    const element = this.#open.pop();
    if (element === undefined) return false;
    const parent = this.#open.at(-1);
    const value = finished(element, parent === undefined);
    if (parent === undefined) this.#onElement(value as XmlElement);
    else {
      parent.hasChildren = true;
      addChild(parent.value, element.name, value);
    }
    return parent === undefined;
  }
}

function finished({ value, text, hasChildren, hasAttributes }: OpenElement, isItem: boolean): string | XmlElement {
  if (!hasChildren && !hasAttributes && !isItem) return text;
  // Between children, spaces are layout.
  const said = hasChildren || isItem ? text.trim() : text;
  if (said !== '') value['#text'] = said;
  return value as XmlElement;
}

function addChild(parent: OpenElement['value'], name: string, value: string | XmlElement): void {
  const before = Object.hasOwn(parent, name) ? parent[name] : undefined;
  if (Array.isArray(before)) before.push(value);
  else if (before !== undefined) parent[name] = [before as string | XmlElement, value];
  else if (name === '__proto__') {
    Object.defineProperty(parent, name, { value, enumerable: true, writable: true, configurable: true });
  } else parent[name] = value;
}
