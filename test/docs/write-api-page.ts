import { writeFileSync } from 'node:fs';
import { apiPage } from './api-page.ts';

writeFileSync('docs/api.md', apiPage());
