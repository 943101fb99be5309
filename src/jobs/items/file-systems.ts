import { FileSystems } from '../../data/io/file-systems.ts';

/** The stores that readers and writers of jobs reach: those of the engine. */
export const fileSystems: FileSystems = new FileSystems();
