import { FileSystems } from '../file-systems.ts';
import { HttpsFileSystem } from './https-file-system.ts';
import { IoBridge } from './io-bridge.ts';
import type { S3Settings } from './io-protocol.ts';
import { S3FileSystem } from './s3-file-system.ts';

export interface FileSystemSettings {
  readonly s3?: S3Settings | undefined;
}

/**
 * file:, s3:, https: and http: for one thread. The remote ones share one I/O thread, which starts with the first request;
 * `close()` ends it. The settings may hold credentials: pass them to workers, never into a plan.
 */
export function openFileSystems(settings: FileSystemSettings = {}): FileSystems {
  const bridge = new IoBridge(settings.s3 ?? {});
  return new FileSystems([
    new S3FileSystem(bridge, settings.s3?.conditionalWrites),
    new HttpsFileSystem('https', bridge),
    new HttpsFileSystem('http', bridge),
  ]);
}
