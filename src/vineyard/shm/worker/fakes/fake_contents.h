// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "vineyard/base/limits.h"
#include "vineyard/shm/worker/contents.h"

namespace vineyard::shm {

/// The tests' documents: `[magic][checksum of the rest][member count][members ...][fill]`, whole words.
struct FakeDocument {
  static constexpr std::uint64_t kMagic = 0x746e656d75636f64ULL;

  static std::uint64_t checksum(std::span<const std::uint64_t> words) {
    std::uint64_t h = words.size();
    for (std::uint64_t w : words) h = (h ^ w) * 0x9e3779b97f4a7c15ULL + (h >> 29);
    return h;
  }
  static std::vector<std::byte> make(const std::vector<ObjectId>& members, std::uint64_t seed = 0,
                                     std::size_t fill_words = 1) {
    std::vector<std::uint64_t> words{kMagic, 0, members.size()};
    for (ObjectId m : members) words.push_back(m.value);
    for (std::size_t n = 0; n < fill_words; ++n) words.push_back(seed * 0x9e3779b97f4a7c15ULL + n);
    words[1] = checksum(std::span(words).subspan(2));
    std::vector<std::byte> bytes(words.size() * 8);
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return bytes;
  }
  /// Errors: corrupt.
  static Result<std::vector<ObjectId>> parse(std::span<const std::byte> bytes) {
    std::vector<std::uint64_t> words(bytes.size() / 8);
    if (!words.empty()) std::memcpy(words.data(), bytes.data(), words.size() * 8);
    if (bytes.size() % 8 != 0 || words.size() < 3 || words[0] != kMagic ||
        words[2] > words.size() - 3 || words[1] != checksum(std::span(words).subspan(2))) {
      return Error(ErrorCode::kCorrupt, "not a document");
    }
    std::vector<ObjectId> members;
    for (std::uint64_t n = 0; n < words[2]; ++n) members.emplace_back(words[3 + n]);
    return members;
  }
};

/// The store's twin: reads the tests' documents, counts who refers to whom, and notes what it is told wrongly.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  `faults` is empty as long as `entered` and `left` come in pairs with the same bytes.
class FakeContents : public Contents {
 public:
  Result<void> inspect(std::span<std::byte> document, MemberCheck& members) override {
    auto parsed = FakeDocument::parse(document);
    if (!parsed) return std::move(parsed).error();
    for (ObjectId m : *parsed) {
      if (auto good = members.check(m); !good) return good;
    }
    return {};
  }
  void entered(ObjectId id, std::span<const std::byte> document) override {
    const Known known{id, {document.begin(), document.end()}};
    if (!known_.emplace(id.index().value, known).second)
      faults.push_back("entered twice: " + id.to_string());
    for (ObjectId m : members_of(known)) ++references_[m.index().value];
  }
  void left(ObjectId id, std::span<const std::byte> document,
            std::vector<ObjectId>& unreferenced) override {
    const auto it = known_.find(id.index().value);
    if (it == known_.end() || it->second.id != id ||
        !std::ranges::equal(it->second.document, document)) {
      faults.push_back("left as something else than it entered: " + id.to_string());
      return;
    }
    for (ObjectId m : members_of(it->second)) {
      const auto count = references_.find(m.index().value);
      if (--count->second > 0) continue;
      references_.erase(count);
      unreferenced.push_back(m);
    }
    known_.erase(it);
  }
  [[nodiscard]] std::uint32_t references(EntryIndex index) const override {
    const auto it = references_.find(index.value);
    return it == references_.end() ? 0 : it->second;
  }

  struct Known {
    ObjectId id;
    std::vector<std::byte> document;
    bool operator==(const Known&) const = default;
  };
  [[nodiscard]] const std::map<std::uint32_t, Known>& known() const { return known_; }
  [[nodiscard]] const std::map<std::uint32_t, std::uint32_t>& all_references() const {
    return references_;
  }
  [[nodiscard]] static std::vector<ObjectId> members_of(const Known& known) {
    auto members = FakeDocument::parse(known.document);
    if (!members) return {};
    std::erase(*members, ObjectId::empty_blob());
    return *std::move(members);
  }

  std::vector<std::string> faults;

 private:
  std::map<std::uint32_t, Known> known_;
  std::map<std::uint32_t, std::uint32_t> references_;
};

}  // namespace vineyard::shm
