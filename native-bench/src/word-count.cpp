#include <algorithm>
#include <array>
#include <stdexcept>

#include "queries.hpp"
#include "text.hpp"

namespace native {
namespace {

/// What a byte becomes in lower case, 0 for one that is no part of a word.
constexpr std::array<char, 256> makeWordBytes() {
  std::array<char, 256> table{};
  for (int byte = '0'; byte <= '9'; byte++) table[byte] = static_cast<char>(byte);
  for (int byte = 'a'; byte <= 'z'; byte++) table[byte] = static_cast<char>(byte);
  for (int byte = 'A'; byte <= 'Z'; byte++) table[byte] = static_cast<char>(byte - 'A' + 'a');
  table['_'] = '_';
  return table;
}
constexpr std::array<char, 256> wordBytes = makeWordBytes();

}  // namespace

Totals countWords(std::string_view text, unsigned threads) {
  return aggregate(splitAtLines(text, threads), [](std::string_view part, Totals &totals) {
    Counter counter(totals);
    const char *end = part.data() + part.size();
    for (const char *from = part.data(), *at = from; at <= end; at++) {
      if (at < end && *at != ' ' && *at != '\n') continue;
      if (at > from) counter.count(Key({from, static_cast<size_t>(at - from)}, end));
      from = at + 1;
    }
  });
}

Totals countTokens(std::string_view text, unsigned threads) {
  return aggregate(splitAtLines(text, threads), [](std::string_view part, Totals &totals) {
    // The part in lower case, a piece at a time, cut where a word ends.
    constexpr size_t piece = 1 << 16;
    std::vector<char> lower(piece + 16);
    for (size_t from = 0; from < part.size();) {
      size_t to = std::min(part.size(), from + piece);
      while (to < part.size() && to > from && wordBytes[static_cast<unsigned char>(part[to - 1])] != 0) to--;
      if (to == from) throw std::runtime_error("a word is longer than 64 KiB");
      Counter counter(totals);
      const char *end = lower.data() + (to - from);
      for (size_t at = from; at < to; at++) lower[at - from] = wordBytes[static_cast<unsigned char>(part[at])];
      for (const char *begin = lower.data(), *at = begin; at <= end; at++) {
        if (at < end && *at != 0) continue;
        if (at > begin) counter.count(Key({begin, static_cast<size_t>(at - begin)}, end + 16));
        begin = at + 1;
      }
      from = to;
    }
  });
}

}  // namespace native
