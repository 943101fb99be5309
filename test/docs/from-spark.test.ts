import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MillraceContext, RDD } from '../../src/index.ts';
import { chainOf, publicClasses } from './api-page.ts';

/** The names in millrace's column of the page's tables below the headings given. */
function namesBelow(...headings: readonly string[]): string[] {
  const sections = readFileSync('docs/from-spark.md', 'utf8').split(/^## /m);
  const rows = sections
    .filter((section) => headings.includes(section.split('\n')[0] as string))
    .flatMap((section) => section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Spark')));
  return rows.flatMap((row) =>
    [...(row.split(' | ')[1] ?? '').matchAll(/`([\w.]+)`/g)].map(([, name]) => name as string),
  );
}

const ofRdd = namesBelow('RDD', 'PairRDDFunctions', 'OrderedRDDFunctions', 'DoubleRDDFunctions');
const ofContext = namesBelow('SparkContext').map((name) => name.replace('MillraceContext.', ''));

/** Every public member that has a docstring, but what a user reaches by a symbol. */
function membersOf(name: string): string[] {
  const members = chainOf(name, publicClasses()).flatMap((doc) => doc.members);
  return [...new Set(members.map((member) => member.name))].filter((member) => member !== 'constructor');
}

describe('docs/from-spark.md', () => {
  it('names only what there is', async () => {
    const sc = await MillraceContext.create({ workers: 1 });
    expect(ofRdd.filter((name) => !(name in RDD.prototype))).toEqual([]);
    expect(ofContext.filter((name) => !(name in sc) && !(name in MillraceContext))).toEqual([]);
    await sc.stop();
  });

  it('names all that there is', () => {
    expect(membersOf('RDD').filter((name) => !ofRdd.includes(name))).toEqual([]);
    expect(membersOf('MillraceContext').filter((name) => !ofContext.includes(name))).toEqual([]);
  });
});
