import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { xmlReader } from '../../../src/jobs/items/xml-reader.ts';
import { readAll, stepContext } from './step-context.ts';

let directory: string;
let files = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-xml-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function file(content: string | Buffer): string {
  files += 1;
  const path = join(directory, `${files}.xml`);
  writeFileSync(path, content);
  return path;
}

describe('xmlReader', () => {
  it('makes objects of elements: attributes, children, repeated children, text', async () => {
    const path = file(`<?xml version="1.0" encoding="UTF-8"?>
      <sales day="1">
        <sale id="1"><name>Ann &amp; Bob</name><tag>a</tag><tag>b</tag><empty/></sale>
        <other><sale id="2" kind="x">text <b>bold</b> more</sale></other>
        <sale> plain <![CDATA[<c>]]> </sale>
        <sale><sale id="inner"/><price currency="EUR"> 5 </price></sale>
        <sale/>
      </sales>`);
    const { items, errors } = await readAll(xmlReader(path, { element: 'sale' }), 2);
    expect(errors).toEqual([]);
    expect(items).toEqual([
      { '@id': '1', name: 'Ann & Bob', tag: ['a', 'b'], empty: '' },
      { '@id': '2', '@kind': 'x', b: 'bold', '#text': 'text  more' },
      { '#text': 'plain <c>' },
      { sale: { '@id': 'inner' }, price: { '@currency': 'EUR', '#text': ' 5 ' } },
      {},
    ]);
  });

  it('ST-200: gives the same elements for any fetch size and restart', async () => {
    const path = file(
      `\ufeff<all>${Array.from({ length: 3000 }, (_, n) => `<e n="${n}"><t>ä😀 ${n}</t></e>\n`).join('')}</all>`,
    );
    const reader = xmlReader(path, { element: 'e' });
    const whole = await readAll(reader, 5000);
    expect(whole.items).toHaveLength(3000);
    expect(whole.items[2999]).toEqual({ '@n': '2999', t: 'ä😀 2999' });
    const once = await readAll(reader, 1000);
    expect(once.items).toEqual(whole.items);
    for (const { position, items } of once.positions) {
      expect((await readAll(reader, 700, position)).items).toEqual(whole.items.slice(items));
    }
  });

  it('ST-204: throws MR_PARSE with path and line where the file is not well-formed; behind that nothing can be skipped to', async () => {
    const path = file('<all>\n<e n="1"/>\n<e n="2"></f>\n<e n="3"/></all>');
    const stream = await xmlReader(path, { element: 'e' }).open(undefined, stepContext());
    expect(await stream.read(10)).toEqual([{ '@n': '1' }]);
    await expect(stream.read(10)).rejects.toMatchObject({ code: 'MR_PARSE', details: { path, line: 3 } });
    await expect(stream.read(10)).rejects.toMatchObject({ code: 'MR_BATCH' });
    await stream.close?.();
    for (const content of ['', '<all><e>', 'no xml', '<all>\u0001</all>']) {
      const broken = await xmlReader(file(content), { element: 'e' }).open(undefined, stepContext());
      await expect(broken.read(5)).rejects.toMatchObject({ code: 'MR_PARSE' });
      await broken.close?.();
    }
  });

  it('reads no document type, so no entity of its own making', async () => {
    const bomb = file('<!DOCTYPE a [<!ENTITY x "xxxx"><!ENTITY f SYSTEM "file:///etc/passwd">]>\n<a><e>&x;&f;</e></a>');
    const stream = await xmlReader(bomb, { element: 'e' }).open(undefined, stepContext());
    await expect(stream.read(10)).rejects.toThrow(/document types are not read/);
    await stream.close?.();
    const unknown = await xmlReader(file('<a><e>&x;</e></a>'), { element: 'e' }).open(undefined, stepContext());
    await expect(unknown.read(10)).rejects.toMatchObject({ code: 'MR_PARSE' });
    await unknown.close?.();
  });

  it('reads the encoding it was told and refuses a file that says another', async () => {
    const latin = file(Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a><e>ä</e></a>', 'latin1'));
    expect((await readAll(xmlReader(latin, { element: 'e', encoding: 'latin1' }), 5)).items).toEqual([
      { '#text': 'ä' },
    ]);
    const stream = await xmlReader(latin, { element: 'e' }).open(undefined, stepContext());
    await expect(stream.read(5)).rejects.toThrow(/ISO-8859-1.*latin1/);
    await stream.close?.();
    const wide = file(Buffer.from('\ufeff<a><e>ä</e></a>', 'utf16le'));
    expect((await readAll(xmlReader(wide, { element: 'e', encoding: 'utf-16le' }), 5)).items).toEqual([
      { '#text': 'ä' },
    ]);
  });
});
