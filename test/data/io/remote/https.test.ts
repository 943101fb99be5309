import { afterAll, describe, expect, it } from 'vitest';
import { FileSystems } from '../../../../src/data/io/file-systems.ts';
import { HttpsFileSystem } from '../../../../src/data/io/remote/https-file-system.ts';
import { IoBridge } from '../../../../src/data/io/remote/io-bridge.ts';
import { get, readingConformance } from '../../../conformance/file-systems.ts';
import { type Fault, FileServer } from '../../../support/file-server.ts';
import { readRows } from '../scratch.ts';

const server = await FileServer.start();
const bridge = new IoBridge();
const system = new HttpsFileSystem('http', bridge);
const fileSystems = new FileSystems([system]);
/** For a server that stands still; any other may take its time on a busy machine. */
const impatient = new IoBridge({ timeoutMs: 1000 });
let directories = 0;
afterAll(async () => {
  bridge.close();
  impatient.close();
  await server.stop();
});

describe('http:', () => {
  readingConformance(
    () => ({ system, freshDirectory: () => `${server.origin}/d${directories++}` }),
    (uri, content) => server.put(uri, content),
  );

  const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index}`);
  const uri = `${server.origin}/faulty.txt`;

  it.each<[string, Fault[]]>([
    ['the server is busy', [503, 429, 500]],
    ['the connection is reset', ['reset', 'reset']],
    ['a body breaks off, again and again', ['ok', 'cut', 'cut', 'cut']],
    ['the server knows no ranges', ['noRange', 'noRange']],
  ])('reads on when %s', (_, faults) => {
    server.put(uri, lines.join('\n'));
    server.setFaults(...faults);
    expect(readRows({ format: 'text', paths: [uri], options: {} }, { fileSystems })).toEqual(lines);
  });

  it('reads on when a body stands still', () => {
    server.put(uri, lines.join('\n'));
    server.setFaults('ok', 'stall', 'ok');
    const system = new HttpsFileSystem('http', impatient);
    const rows = readRows({ format: 'text', paths: [uri], options: {} }, { fileSystems: new FileSystems([system]) });
    expect(rows).toEqual(lines);
  });

  it.each<[string, Fault[], RegExp]>([
    ['stays busy', [503, 503, 503, 503, 503], /cannot read http:.*faulty\.txt: the server answered HTTP 503/],
    ['refuses', [403], /the server answered HTTP 403/],
    [
      'breaks off without a byte, for ever',
      ['ok', ...Array<Fault>(40).fill('reset')],
      /cannot read http:.*faulty\.txt/,
    ],
  ])('gives up when the server %s', (_, faults, message) => {
    server.put(uri, lines.join('\n'));
    server.setFaults(...faults);
    expect(() => readRows({ format: 'text', paths: [uri], options: {} }, { fileSystems })).toThrow(message);
    server.setFaults();
  });

  it('notices that the file is replaced between two requests', () => {
    server.put(uri, lines.join('\n'));
    const file = system.openRead(uri);
    server.put(uri, lines.join('\n').toUpperCase());
    expect(() => file.readInto(new Uint8Array(10), 0)).toThrow(expect.objectContaining({ code: 'MR_INPUT_CHANGED' }));
    file.close();
  });

  it('shows no credentials and no query', () => {
    const secret = uri.replace('://', '://user:hunter2@');
    server.put(uri, 'content');
    expect(get(system, `${secret}`)).toBe('content');
    server.setFaults(403);
    expect(() => get(system, `${secret}/nothing?token=hunter2`)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('refuses to list and to write', () => {
    const refused = expect.objectContaining({ code: 'MR_UNSUPPORTED' });
    expect(() => system.list(server.origin)).toThrow(refused);
    expect(() => system.openWrite(uri)).toThrow(refused);
    expect(() => system.delete(uri)).toThrow(refused);
    expect(() => readRows({ format: 'text', paths: [`${server.origin}/*.txt`], options: {} }, { fileSystems })).toThrow(
      refused,
    );
  });

  it('names a host that is not there', () => {
    expect(() => system.stat('http://127.0.0.1:1/x')).toThrow(
      /cannot read http:\/\/127\.0\.0\.1:1\/x: .*(ECONNREFUSED|bad port)/,
    );
  });
});
