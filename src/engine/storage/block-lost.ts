/** A block's bytes cannot be read or are not what was written. What depends on it is computed again. */
export class BlockLost extends Error {
  constructor(what: string, options?: ErrorOptions) {
    super(what, options);
    this.name = 'BlockLost';
  }
}
