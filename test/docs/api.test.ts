import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { groups } from './api-groups.ts';
import { apiPage, chainOf, publicClasses } from './api-page.ts';

const classes = publicClasses();
const fluent = ['RDD', 'MillraceContext'].flatMap((name) => chainOf(name, classes));

describe('docs/api.md', () => {
  it('is what npm run docs:api makes of the docstrings now', () => {
    expect(readFileSync('docs/api.md', 'utf8')).toBe(apiPage());
  });

  it('shows every class that RDD and the context are made of', () => {
    const shown = new Set(groups.flatMap((group) => group.classes));
    const missing = fluent.filter(({ name, members }) => members.length > 0 && !shown.has(name));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('says something about every public member', () => {
    const silent = fluent.flatMap(({ name, members }) =>
      members.filter(({ doc }) => doc === '').map((member) => `${name}.${member.name}`),
    );
    expect(silent).toEqual([]);
  });

  it('has an example for every method, or names one that has; npm run docs:check runs them', () => {
    const without = fluent.flatMap(({ name, members }) =>
      members
        .filter(({ doc, signatures: [first = ''] }) => first.includes('(') && !/@example|\{@link/.test(doc))
        .map((member) => `${name}.${member.name}`),
    );
    expect(without).toEqual([]);
  });
});
