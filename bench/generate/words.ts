import type { OutputFile } from './output-file.ts';
import { Random } from './random.ts';

const vocabularySize = 100_000;
const frequent =
  'the of and to a in that is was he for it with as his on be at by had not are but from or have an they which one'.split(
    ' ',
  );
const consonants = 'bdfgklmnprst';
const vowels = 'aeiou';
const endings = ['', 'n', 's', 'r', 'd', 'th', 'st', 'ng'];

/** The word of a frequency rank: English for the most frequent, then syllables that spell the rank, so no two are equal. */
function wordOf(rank: number): string {
  const known = frequent[rank];
  if (known !== undefined) return known;
  let word = '';
  for (let rest = rank; rest > 0; rest = Math.floor(rest / 60))
    word += consonants[rest % 12]! + vowels[Math.floor((rest % 60) / 12)]!;
  return word + endings[rank % endings.length]!;
}

interface Vocabulary {
  /** All words, one behind the other. */
  readonly bytes: Uint8Array;
  /** starts: vocabularySize + 1; word w is bytes[starts[w] .. starts[w + 1]]. */
  readonly starts: Uint32Array;
  /** 2 ** 20 words, the quantiles of a Zipf-Mandelbrot law: a random slot is a random word. */
  readonly drawn: Uint32Array;
}

function makeVocabulary(): Vocabulary {
  const words = Array.from({ length: vocabularySize }, (_, rank) => wordOf(rank));
  const weights = words.map((_, rank) => (rank + 2.7) ** -1.1);
  const total = weights.reduce((sum, weight) => sum + weight);
  const starts = new Uint32Array(vocabularySize + 1);
  const drawn = new Uint32Array(2 ** 20);
  let cumulated = 0;
  let slot = 0;
  for (const [rank, word] of words.entries()) {
    starts[rank + 1] = starts[rank]! + word.length;
    cumulated += weights[rank]!;
    while (slot < Math.round((cumulated / total) * drawn.length)) drawn[slot++] = rank;
  }
  return { bytes: Buffer.from(words.join(''), 'latin1'), starts, drawn };
}

/** Sentences in lines of 6 to 17 words whose frequencies follow Zipf's law, until the file has `sizeBytes`. */
export function writeWords(file: OutputFile, sizeBytes: number, seed: number): void {
  const { bytes, starts, drawn } = makeVocabulary();
  const random = new Random(seed);
  const line = Buffer.alloc(1024);
  let sentenceStarts = true;
  while (file.sizeBytes < sizeBytes) {
    let used = 0;
    for (let left = 6 + random.below(12); left > 0; left--) {
      const bits = random.next();
      const word = drawn[bits >>> 12]!;
      const first = used;
      for (let at = starts[word]!; at < starts[word + 1]!; at++) line[used++] = bytes[at]!;
      if (sentenceStarts) line[first]! &= ~32;
      const mark = bits & 15;
      sentenceStarts = mark === 0;
      if (mark === 0)
        line[used++] = 46; // .
      else if (mark === 1) line[used++] = 44; // ,
      line[used++] = left > 1 ? 32 : 10;
    }
    file.writeBytes(line.subarray(0, used));
  }
}
