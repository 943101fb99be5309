import { execFileSync } from 'node:child_process';

/** Workers run built JavaScript, so the build comes before the tests. */
export default function build(): void {
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.json'], { stdio: 'inherit' });
}
