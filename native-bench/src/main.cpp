// native-bench [query] [--input file] [--rows n] [--threads n] [--runs n] [--serve]
//
// Runs a query (all of them when none is named) and prints a line of JSON for each: its median, minimum and maximum, and
// a checksum of the answer that every contender in bench/ computes the same way. With --serve it runs once for each line
// on stdin, so that bench/run.ts can take turns between contenders.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/stat.h>

#include "queries.hpp"
#include "text.hpp"

namespace {

using native::Totals;

struct Options {
  std::string query;
  std::string input;
  int64_t rows = 10'000'000;
  std::vector<unsigned> threads = {1, 2};
  int runs = 5;
  bool serve = false;
};

struct Answer {
  double ms = 0;
  int64_t groups = 0;
  std::string checksum;
};

/// FNV-1a of "key=value", summed over the groups: the same in whatever order they come. bench/harness/checksum.ts.
Answer summarize(const Totals &totals) {
  Answer answer;
  uint64_t sum = 0;
  totals.each([&](std::string_view key, int64_t total) {
    uint32_t hash = 0x811c9dc5;
    const auto mix = [&](std::string_view text) {
      for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x01000193u;
    };
    mix(key);
    mix("=");
    mix(std::to_string(total));
    sum += hash;
    answer.groups++;
  });
  std::ostringstream hex;
  hex << answer.groups << ':' << std::hex << sum;
  answer.checksum = hex.str();
  return answer;
}

Totals run(const std::string &query, const Options &options, unsigned threads) {
  if (query == "sales") return native::sumGeneratedSales(options.rows, threads);
  const native::MappedFile file(options.input);
  if (query == "word-count") return native::countWords(file.text(), threads);
  if (query == "token-count") return native::countTokens(file.text(), threads);
  if (query == "sales-csv") return native::sumCsvSales(file.text(), threads);
  throw std::invalid_argument("no query " + query + ": word-count, token-count, sales or sales-csv");
}

Answer timed(const std::string &query, const Options &options, unsigned threads) {
  const auto begin = std::chrono::steady_clock::now();
  const Totals totals = run(query, options, threads);
  const std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - begin;
  Answer answer = summarize(totals);
  answer.ms = ms.count();
  return answer;
}

void serve(const Options &options) {
  std::cout << "{\"ready\":true}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const Answer answer = timed(options.query, options, options.threads.at(0));
    std::cout << "{\"ms\":" << answer.ms << ",\"checksum\":\"" << answer.checksum << "\"}" << std::endl;
  }
}

void report(const std::string &query, const Options &options, unsigned threads) {
  std::vector<double> ms;
  Answer answer;
  timed(query, options, threads);
  for (int turn = 0; turn < options.runs; turn++) {
    answer = timed(query, options, threads);
    ms.push_back(answer.ms);
  }
  std::sort(ms.begin(), ms.end());
  const double median = (ms[(ms.size() - 1) / 2] + ms[ms.size() / 2]) / 2;
  struct stat status {};
  const bool file = query != "sales" && stat(options.input.c_str(), &status) == 0;
  std::cout << "{\"name\":\"" << query << "\",\"threads\":" << threads;
  if (file) std::cout << ",\"bytes\":" << status.st_size;
  else std::cout << ",\"rows\":" << options.rows;
  std::cout << ",\"medianMs\":" << median << ",\"minMs\":" << ms.front() << ",\"maxMs\":" << ms.back()
            << ",\"runs\":" << options.runs << ",\"checksum\":\"" << answer.checksum << "\"}" << std::endl;
}

Options parse(int count, char **arguments) {
  Options options;
  for (int at = 1; at < count; at++) {
    const std::string argument = arguments[at];
    const auto value = [&]() -> std::string {
      if (at + 1 >= count) throw std::invalid_argument(argument + " needs a value");
      return arguments[++at];
    };
    if (argument == "--serve") options.serve = true;
    else if (argument == "--input") options.input = value();
    else if (argument == "--rows") options.rows = std::stoll(value());
    else if (argument == "--threads") options.threads = {static_cast<unsigned>(std::stoul(value()))};
    else if (argument == "--runs") options.runs = std::stoi(value());
    else if (argument.rfind("--", 0) == 0) throw std::invalid_argument("no option " + argument);
    else options.query = argument;
  }
  if (options.rows < 1 || options.runs < 1 || options.threads[0] < 1)
    throw std::invalid_argument("--rows, --runs and --threads must be at least 1");
  return options;
}

}  // namespace

int main(int count, char **arguments) {
  try {
    Options options = parse(count, arguments);
    if (options.serve) {
      serve(options);
      return 0;
    }
    for (const std::string query : {"word-count", "token-count", "sales", "sales-csv"}) {
      if (!options.query.empty() && options.query != query) continue;
      Options own = options;
      if (own.input.empty()) own.input = query == "sales-csv" ? "bench/data/sales.csv" : "bench/data/words.txt";
      for (const unsigned threads : own.threads) report(query, own, threads);
    }
    return 0;
  } catch (const std::exception &error) {
    std::cerr << "native-bench: " << error.what() << std::endl;
    return 1;
  }
}
