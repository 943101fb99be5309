// The queries, each the twin of a scenario in bench/run.ts.
#pragma once
#include <string_view>

#include "totals.hpp"

namespace native {

/// Words between blanks and newlines, as line.split(' ') without the empty ones.
Totals countWords(std::string_view text, unsigned threads);

/// Runs of [A-Za-z0-9_] in lower case, as line.toLowerCase().split(/\W+/) without the empty ones. ASCII only.
Totals countTokens(std::string_view text, unsigned threads);

/// Cents by category of the sales 0 to rows - 1, made as bench/generate/sales.ts makes them.
Totals sumGeneratedSales(int64_t rows, unsigned threads);

/// Cents by category of the sales in a CSV that bench/generate-data.ts wrote.
Totals sumCsvSales(std::string_view csv, unsigned threads);

}  // namespace native
