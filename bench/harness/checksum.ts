/**
 * A short text that is equal for equal tables, whatever the order of their groups: the number of groups, and the FNV-1a
 * hashes of `key=value` summed. Keys are ASCII, values integers. native-bench/src/main.cpp does the same.
 */
export function checksum(table: Iterable<readonly [string, number]>): string {
  let groups = 0;
  let sum = 0;
  for (const [key, value] of table) {
    let hash = 0x811c9dc5;
    const text = `${key}=${value}`;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    sum += hash >>> 0;
    groups++;
  }
  return `${groups}:${sum.toString(16)}`;
}
