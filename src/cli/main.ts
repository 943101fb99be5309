#!/usr/bin/env node
import { runClean } from './clean.ts';

const commands: Readonly<
  Record<string, { readonly about: string; readonly run: (args: readonly string[]) => number }>
> = {
  clean: { about: 'clear up what killed writers left at outputs', run: runClean },
};

const [name = '', ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command !== undefined) process.exitCode = command.run(args);
else {
  const list = Object.entries(commands).map(([each, { about }]) => `  millrace ${each.padEnd(8)} ${about}`);
  const isAsked = ['', 'help', '--help', '-h'].includes(name);
  const text = `${isAsked ? '' : `millrace: there is no command "${name}".\n`}Commands:\n${list.join('\n')}\nmillrace <command> --help says more.\n`;
  (isAsked ? process.stdout : process.stderr).write(text);
  process.exitCode = isAsked ? 0 : 2;
}
