import { defineConfig } from 'vitest/config';

/** Tests against other programs and the corpora beside the repository: they fail where those are missing. */
export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts', 'test/interop/support/s3-server.ts', 'test/interop/support/sql-servers.ts'],
    include: ['test/interop/**/*.test.ts'],
    expect: { requireAssertions: true },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
