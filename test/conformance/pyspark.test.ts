import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MillraceContext } from '../../src/index.ts';
import { answerOf, comparable, type Program } from './pyspark/program.ts';

const folder = join(import.meta.dirname, '../fixtures/pyspark');

const contexts: MillraceContext[] = [];
beforeAll(async () => {
  for (const workers of [1, 2]) contexts.push(await MillraceContext.create({ workers, progress: false }));
});
afterAll(async () => {
  for (const sc of contexts) await sc.stop();
});

describe('random programs', () => {
  for (const file of readdirSync(folder)) {
    const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n');
    const programs = lines.map((line) => JSON.parse(line) as Program);
    it(`answer what PySpark answers: ${programs.length} programs of ${file}`, async () => {
      for (const [number, program] of programs.entries()) {
        const sc = contexts[number % contexts.length] as MillraceContext;
        const named = JSON.stringify(program);
        if (program.fails === 'empty') {
          await expect(answerOf(sc, program), named).rejects.toMatchObject({ code: 'MR_EMPTY' });
          continue;
        }
        // An action that gives one value in one order, an histogram say, is compared as it is.
        const several = ['collect', 'lookup'].includes(program.action.op);
        const ordered = program.ordered || !several;
        expect(comparable(await answerOf(sc, program), ordered), named).toEqual(comparable(program.answer, ordered));
      }
    });
  }
});
