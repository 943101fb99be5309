// A file in memory, cut into ranges that end at line ends, one a thread.
#pragma once
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "totals.hpp"

namespace native {

/// A file mapped read-only for as long as this lives.
class MappedFile {
 public:
  explicit MappedFile(const std::string &path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  std::string_view text() const { return {bytes_, size_}; }

 private:
  const char *bytes_ = nullptr;
  size_t size_ = 0;
};

/// `text` in `parts` ranges of about the same size, each ending behind a newline (the last one at the end).
std::vector<std::string_view> splitAtLines(std::string_view text, unsigned parts);

/// Runs `work(part, totals)` for every part on a thread of its own and merges the tables.
template <typename Part, typename Work>
Totals aggregate(const std::vector<Part> &parts, Work work) {
  std::vector<Totals> partial(parts.size());
  std::vector<std::thread> threads;
  for (size_t i = 1; i < parts.size(); i++)
    threads.emplace_back([&, i] { work(parts[i], partial[i]); });
  if (!parts.empty()) work(parts[0], partial[0]);
  for (std::thread &thread : threads) thread.join();
  for (size_t i = 1; i < parts.size(); i++) partial[0].merge(partial[i]);
  return parts.empty() ? Totals() : std::move(partial[0]);
}

}  // namespace native
