/** How messages write the path to a value inside of a row: `address.street`, `tags[]`, `prices{value}`. */
export function pathText(path: readonly string[]): string {
  return path.map((part, index) => (index === 0 || part === '[]' || part.startsWith('{') ? part : `.${part}`)).join('');
}
