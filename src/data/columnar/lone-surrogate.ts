const loneSurrogate = /\p{Surrogate}/u;

/** True for strings that UTF-8 cannot express: with half of a surrogate pair and not the other. */
export function hasLoneSurrogate(text: string): boolean {
  return loneSurrogate.test(text);
}
