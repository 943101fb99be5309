import { useStores } from '../conformance/jobs/chunk-support.ts';
import { freshDatabases } from './support/fresh-databases.ts';
import { urlOf } from './support/server-url.ts';

// The chunk step's own tests, each on a database of its own.
useStores(freshDatabases(urlOf('MILLRACE_POSTGRES_URL')));
await import('../conformance/jobs/chunk-step.test.ts');
await import('../conformance/jobs/chunk-scan.test.ts');
await import('../conformance/jobs/chunk-faults.test.ts');
await import('../conformance/jobs/chunk-context.test.ts');
