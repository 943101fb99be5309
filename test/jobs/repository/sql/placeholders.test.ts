import { describe, expect, it } from 'vitest';
import { numberedPlaceholders } from '../../../../src/jobs/repository/sql/placeholders.ts';

describe('numberedPlaceholders', () => {
  it.each([
    ['select ?, ?', 'select $1, $2'],
    ['select \'?\', "a?", ?', 'select \'?\', "a?", $1'],
    ["select 'it''s ?', ?", "select 'it''s ?', $1"],
    ["select E'\\'?', ?", "select E'\\'?', $1"],
    ['select 1 -- ?\n, ?', 'select 1 -- ?\n, $1'],
    ['select /* ? */ ?', 'select /* ? */ $1'],
    ['select $$?$$, $a$?$a$, ?', 'select $$?$$, $a$?$a$, $1'],
    ["select data ?? 'k' and x = ?", "select data ? 'k' and x = $1"],
    ['select 1', 'select 1'],
  ])('rewrites %s', (sql, expected) => {
    expect(numberedPlaceholders(sql)).toBe(expected);
  });
});
