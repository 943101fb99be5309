#include "text.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace native {

MappedFile::MappedFile(const std::string &path) {
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0) throw std::system_error(errno, std::generic_category(), path + " (npm run data makes it)");
  struct stat status {};
  const bool known = fstat(file, &status) == 0;
  size_ = known ? static_cast<size_t>(status.st_size) : 0;
  void *mapped = size_ == 0 ? nullptr : mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  const int failure = errno;
  close(file);
  if (!known || mapped == MAP_FAILED) throw std::system_error(failure, std::generic_category(), path);
  bytes_ = static_cast<const char *>(mapped);
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<char *>(bytes_), size_);
}

std::vector<std::string_view> splitAtLines(std::string_view text, unsigned parts) {
  std::vector<std::string_view> ranges;
  size_t from = 0;
  for (unsigned part = 1; part <= parts; part++) {
    size_t to = text.size();
    if (part < parts) {
      const size_t newline = text.find('\n', std::max(from, text.size() / parts * part));
      to = newline == std::string_view::npos ? text.size() : newline + 1;
    }
    ranges.push_back(text.substr(from, to - from));
    from = to;
  }
  return ranges;
}

}  // namespace native
