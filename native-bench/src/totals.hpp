// A hash table from text to a 64-bit sum: what every query here aggregates into.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace native {

/// A key with its first 16 bytes, zero padded, in two words: equal words and lengths are equal keys up to 16 bytes.
struct Key {
  uint64_t head = 0;
  uint64_t tail = 0;
  uint64_t hash = 0;
  std::string_view text;

  /// Bytes before `readable` may be loaded although they are not part of `text`; they are masked off.
  Key(std::string_view text, const char *readable) : text(text) {
    const size_t length = text.size() < 16 ? text.size() : 16;
    if (text.data() + 16 <= readable) {
      std::memcpy(&head, text.data(), 8);
      std::memcpy(&tail, text.data() + 8, 8);
      if (length < 8) head &= (uint64_t{1} << (8 * length)) - 1;
      if (length <= 8) tail = 0;
      else if (length < 16) tail &= (uint64_t{1} << (8 * (length - 8))) - 1;
    } else {
      std::memcpy(&head, text.data(), length < 8 ? length : 8);
      if (length > 8) std::memcpy(&tail, text.data() + 8, length - 8);
    }
    hash = (head ^ text.size()) * factor;
    hash = (hash ^ (hash >> 32) ^ tail) * factor;
    for (size_t at = 16; at < text.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, text.data() + at, text.size() - at < 8 ? text.size() - at : 8);
      hash = (hash ^ (hash >> 32) ^ word) * factor;
    }
    hash ^= hash >> 32;
  }
  Key() = default;

 private:
  static constexpr uint64_t factor = 0x9e3779b97f4a7c15;
};

/// Open addressing with linear probing, at most half full. Keys of up to 16 bytes live in the slot, longer ones in an arena.
class Totals {
 public:
  Totals() : slots_(1 << 12) {}

  void prefetch(const Key &key) const { __builtin_prefetch(&slots_[key.hash & (slots_.size() - 1)], 1); }

  void add(const Key &key, int64_t value) {
    const size_t mask = slots_.size() - 1;
    for (size_t at = key.hash & mask;; at = (at + 1) & mask) {
      Slot &slot = slots_[at];
      if (slot.length == unused) {
        slot = {key.head, key.tail, key.text.size(), value};
        if (key.text.size() > 16) slot.tail = keep(key.text);
        if (++used_ * 2 > slots_.size()) grow();
        return;
      }
      if (slot.head == key.head && slot.length == key.text.size() &&
          (slot.length <= 16 ? slot.tail == key.tail : textOf(slot) == key.text)) {
        slot.total += value;
        return;
      }
    }
  }

  template <typename Visit>
  void each(Visit visit) const {
    for (const Slot &slot : slots_)
      if (slot.length != unused) visit(textOf(slot), slot.total);
  }

  void merge(const Totals &other) {
    other.each([this](std::string_view text, int64_t total) { add(Key(text, nullptr), total); });
  }

 private:
  static constexpr uint64_t unused = ~uint64_t{0};

  /// A key of more than 16 bytes has its address where the second eight bytes of a short one are.
  struct Slot {
    uint64_t head = 0;
    uint64_t tail = 0;
    uint64_t length = unused;
    int64_t total = 0;
  };

  static std::string_view textOf(const Slot &slot) {
    const char *bytes = slot.length <= 16 ? reinterpret_cast<const char *>(&slot) : reinterpret_cast<const char *>(slot.tail);
    return {bytes, slot.length};
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    const size_t mask = slots_.size() - 1;
    for (const Slot &slot : old) {
      if (slot.length == unused) continue;
      size_t at = Key(textOf(slot), nullptr).hash & mask;
      while (slots_[at].length != unused) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  uint64_t keep(std::string_view text) {
    if (text.size() > arenaLeft_) {
      arenaLeft_ = text.size() > arenaBlock ? text.size() : arenaBlock;
      arena_.push_back(std::make_unique<char[]>(arenaLeft_));
      next_ = arena_.back().get();
    }
    char *copy = next_;
    std::memcpy(copy, text.data(), text.size());
    next_ += text.size();
    arenaLeft_ -= text.size();
    return reinterpret_cast<uint64_t>(copy);
  }

  static constexpr size_t arenaBlock = 1 << 20;
  std::vector<Slot> slots_;
  size_t used_ = 0;
  std::vector<std::unique_ptr<char[]>> arena_;
  char *next_ = nullptr;
  size_t arenaLeft_ = 0;
};

/// Collects keys and adds 1 for each, some at a time, so that the table's cache misses overlap.
class Counter {
 public:
  explicit Counter(Totals &totals) : totals_(totals) {}
  ~Counter() { flush(); }
  Counter(const Counter &) = delete;
  Counter &operator=(const Counter &) = delete;

  void count(const Key &key) {
    totals_.prefetch(key);
    keys_[used_++] = key;
    if (used_ == capacity) flush();
  }

 private:
  void flush() {
    for (size_t at = 0; at < used_; at++) totals_.add(keys_[at], 1);
    used_ = 0;
  }

  static constexpr size_t capacity = 32;
  Totals &totals_;
  Key keys_[capacity];
  size_t used_ = 0;
};

}  // namespace native
