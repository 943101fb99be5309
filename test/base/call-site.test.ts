import { describe, expect, it } from 'vitest';
import { captureCallSite, formatCallSite } from '../../src/base/call-site.ts';

/** As an operator of the API: the site is where it was called. */
function operator(): ReturnType<typeof captureCallSite> {
  return captureCallSite(operator);
}

describe('captureCallSite', () => {
  it('gives the line that called the operator, in the source as written', () => {
    const site = operator();
    const text = new Error('here').stack?.split('\n')[1] ?? '';
    const line = Number(/:(\d+):\d+\)?$/.exec(text)?.[1]) - 1;
    expect(site).toEqual({ file: import.meta.filename, line, column: expect.any(Number) });
    expect(formatCallSite(site)).toBe(`call-site.test.ts:${line}`);
    expect(structuredClone(site)).toEqual(site);
  });

  it('leaves the program stack settings as they were', () => {
    const { prepareStackTrace, stackTraceLimit } = Error;
    operator();
    expect(Error.prepareStackTrace).toBe(prepareStackTrace);
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });

  it('gives none when the user is not on the stack', () => {
    let deepest: ReturnType<typeof captureCallSite> | 'not asked' = 'not asked';
    const recurse = (depth: number): void => {
      if (depth === 0) deepest = captureCallSite(outermost);
      else recurse(depth - 1);
    };
    const outermost = (): void => undefined;
    recurse(3);
    expect(deepest).toBeUndefined();
    expect(formatCallSite(undefined)).toBe('an unknown place');
  });
});
