#include <array>
#include <stdexcept>
#include <utility>

#include "queries.hpp"
#include "text.hpp"

namespace native {
namespace {

constexpr std::array<std::string_view, 8> categories = {"electronics", "clothing", "books", "groceries",
                                                        "garden",      "sports",   "music", "toys"};

/// mix32 of bench/generate/random.ts.
inline uint32_t mix32(uint32_t bits) {
  bits = (bits ^ (bits >> 16)) * 0x85ebca6bu;
  bits = (bits ^ (bits >> 13)) * 0xc2b2ae35u;
  return bits ^ (bits >> 16);
}

inline std::string_view categoryOf(uint32_t sale) {
  const double uniform = mix32(sale ^ 0x51ed270bu) / 4294967296.0;
  return categories[static_cast<size_t>(8 * uniform * uniform)];
}

inline int64_t quantityOf(uint32_t sale) { return 1 + mix32(sale ^ 0x68bc21ebu) % 5; }
inline int64_t centsOf(uint32_t sale) { return 100 + mix32(sale ^ 0x2545f491u) % 50000; }

/// The field that starts at `at`, which moves behind its comma.
inline std::string_view nextField(std::string_view line, size_t &at) {
  const size_t comma = line.find(',', at);
  const size_t end = comma == std::string_view::npos ? line.size() : comma;
  const std::string_view field = line.substr(at, end - at);
  at = end + 1;
  return field;
}

/// The digits of a whole number or a price with two decimals, as one number.
inline int64_t digits(std::string_view text) {
  int64_t value = 0;
  for (const char byte : text)
    if (byte != '.') value = value * 10 + (byte - '0');
  return value;
}

}  // namespace

Totals sumGeneratedSales(int64_t rows, unsigned threads) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (unsigned part = 0; part < threads; part++) ranges.emplace_back(rows * part / threads, rows * (part + 1) / threads);
  return aggregate(ranges, [](std::pair<int64_t, int64_t> range, Totals &totals) {
    for (int64_t sale = range.first; sale < range.second; sale++) {
      const uint32_t id = static_cast<uint32_t>(sale);
      totals.add(Key(categoryOf(id), nullptr), quantityOf(id) * centsOf(id));
    }
  });
}

Totals sumCsvSales(std::string_view csv, unsigned threads) {
  const size_t header = csv.find('\n');
  if (csv.substr(0, header) != "id,day,store,category,customer,quantity,price")
    throw std::runtime_error("the CSV does not start with the header that bench/generate-data.ts writes");
  return aggregate(splitAtLines(csv.substr(header + 1), threads), [](std::string_view part, Totals &totals) {
    for (size_t from = 0; from < part.size();) {
      const size_t newline = part.find('\n', from);
      const size_t end = newline == std::string_view::npos ? part.size() : newline;
      const std::string_view line = part.substr(from, end - from);
      size_t at = 0;
      for (int skip = 0; skip < 3; skip++) nextField(line, at);
      const std::string_view category = nextField(line, at);
      nextField(line, at);
      const int64_t quantity = digits(nextField(line, at));
      totals.add(Key(category, part.data() + part.size()), quantity * digits(nextField(line, at)));
      from = end + 1;
    }
  });
}

}  // namespace native
